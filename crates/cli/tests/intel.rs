//! `comity intel` and `comity taxii`, as people call them, with nodes that serve; and the field's own clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const TAXII: &str = "application/taxii+json;version=2.1";

/// A node that serves, in a folder of its own.
struct Node {
    folder: tempfile::TempDir,
    web: u16,
    process: Child,
}

impl Node {
    fn start(party: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = [(); 3].map(|()| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            (listener.local_addr().unwrap().port(), listener)
        });
        let at = |n: usize| format!("127.0.0.1:{}", ports[n].0);
        let (web, exchange, admin) = (at(0), at(1), at(2));
        let port = ports[0].0;
        drop(ports);
        let init = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(["init", "--party", party, "--name", party, "--web", &web])
            .args(["--exchange", &exchange, "--admin", &admin, "--data"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(init.status.success(), "{init:?}");
        let process = Command::new(env!("CARGO_BIN_EXE_comity"))
            .arg("serve")
            .env("COMITY_DATA", folder.path().join("data"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self { folder, web: port, process };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the node does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        node
    }

    fn comity(&self, arguments: &[&str]) -> Output {
        self.with("", arguments)
    }

    fn with(&self, key: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(arguments)
            .env("COMITY_DATA", self.folder.path().join("data"))
            .env("COMITY_TAXII_KEY", key)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// What a command that does what it is asked prints as JSON.
    fn json(&self, key: &str, arguments: &[&str]) -> Value {
        let output = self.with(key, &[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn discovery(&self) -> String {
        format!("http://127.0.0.1:{}/taxii2/", self.web)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn indicator(number: usize, tlp: &str) -> Value {
    let id = match tlp {
        "green" => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "red" => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        _ => panic!("{tlp}"),
    };
    json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "name": format!("Sinkhole {number}"), "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
        "pattern": format!("[domain-name:value = 'c2.example' OR ipv4-addr:value = '203.0.113.{number}']"),
        "object_marking_refs": [id], "x_number": 123_456_789_012_345_678_u64,
    })
}

fn bundle(objects: &[Value]) -> String {
    json!({ "type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000001", "objects": objects }).to_string()
}

#[test]
fn what_is_brought_in_is_found_and_leaves_by_its_markings() {
    let node = Node::start("northland");
    let mut objects: Vec<Value> = (0..3).map(|number| indicator(number, "green")).collect();
    objects.push(indicator(3, "red"));
    objects.push(json!({
        "type": "domain-name", "spec_version": "2.1", "value": "c2.example",
        "id": "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7",
    }));
    objects.push(json!({ "type": "indicator", "id": "indicator--none" }));
    node.write("a.json", &bundle(&objects));
    let output = node.comity(&["intel", "import", "a.json", "--marking", "green"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("a.json: 6 objects, 5 new, 0 here already, 1 refused"),
        "{output:?}"
    );
    assert!(text(&output).contains("object 5 (indicator--none): it has no 'id'"), "{output:?}");
    let again = node.comity(&["intel", "import", "a.json"]);
    assert!(text(&again).contains("0 new, 5 here already, 1 refused"), "{again:?}");

    let found = node.json("", &["intel", "search", "sinkhole", "tlp:red"]);
    assert_eq!(found["objects"].as_array().unwrap().len(), 1);
    let found = node.json("", &["intel", "search", "value:c2.example", "NOT", "type:domain-name"]);
    assert_eq!(found["objects"].as_array().unwrap().len(), 4);
    let output = node.comity(&["intel", "search", "colour:red"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no field \"colour\"; there are type"), "{output:?}");
    let shown =
        node.json("", &["intel", "show", "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"]);
    assert_eq!(shown["tlp"], "TLP:GREEN");
    assert_eq!(shown["shares"][0]["objects"].as_array().unwrap().len(), 4);
    assert_eq!(shown["from"].as_array().unwrap().len(), 2, "both imports");

    let written = node.json("", &["intel", "export", "--for", "green", "-o", "out.json"]);
    assert_eq!(written["objects"], 4);
    let out = std::fs::read_to_string(node.folder.path().join("out.json")).unwrap();
    assert!(!out.contains("Sinkhole 3") && out.contains("123456789012345678"), "{out}");
    // A mark of its encoding hides no object; another encoding is named.
    node.write("marked.json", &format!("\u{feff}{out}"));
    assert_eq!(node.comity(&["stix", "validate", "marked.json"]).status.code(), Some(0));
    let wide: Vec<u8> =
        std::iter::once(0xfeff_u16).chain(out.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(node.folder.path().join("wide.json"), wide).unwrap();
    let wide = node.comity(&["stix", "validate", "wide.json"]);
    assert_eq!(wide.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wide.stderr).contains("it is in UTF-16"), "{wide:?}");
    let valid = node.comity(&["stix", "validate", "out.json"]);
    assert_eq!(valid.status.code(), Some(0), "{valid:?}");
    node.json(
        "",
        &["intel", "export", "--for", "red", "--format", "csv", "sinkhole", "-o", "out.csv"],
    );
    let out = std::fs::read_to_string(node.folder.path().join("out.csv")).unwrap();
    assert!(
        out.contains(
            "\nipv4-addr,203.0.113.3,indicator--00000000-0000-4000-8000-000000000003,Sinkhole 3,TLP:RED\n"
        ),
        "{out}"
    );

    let id = objects[0]["id"].as_str().unwrap();
    assert_eq!(node.json("", &["intel", "delete", id])["versions"], 1);
    assert_eq!(node.comity(&["intel", "show", id]).status.code(), Some(2));
    let back = node.comity(&["intel", "import", "a.json"]);
    assert!(text(&back).contains("it was deleted here"), "{back:?}");
    assert_eq!(node.json("", &["rebuild"])["differed"], json!([]));
    let found = node.json("", &["intel", "search", "sinkhole"]);
    assert_eq!(found["objects"].as_array().unwrap().len(), 3, "found after a rebuild too");
}

#[test]
fn nodes_pull_from_and_push_to_each_other() {
    let (north, south) = (Node::start("northland"), Node::start("southland"));
    for node in [&north, &south] {
        node.json("", &["intel", "collection", "add", "feed", "--marking", "green"]);
    }
    let objects: Vec<Value> = (0..1500)
        .map(|number| indicator(number, if number % 3 == 0 { "red" } else { "green" }))
        .collect();
    north.write("a.json", &bundle(&objects));
    north.json("", &["intel", "import", "a.json", "--collection", "feed"]);
    let key = |node: &Node| {
        let given = [
            "intel", "key", "add", "other", "--tlp", "green", "--pap", "red", "--read", "feed",
            "--write", "feed",
        ];
        node.json("", &given)["key"].as_str().unwrap().to_owned()
    };
    let (to_north, to_south) = (key(&north), key(&south));
    let all = south.json(&to_north, &["taxii", "collections", &north.discovery()]);
    let url = all[0]["url"].as_str().unwrap().to_owned();
    let pulled = south.json(&to_north, &["taxii", "pull", &url]);
    assert_eq!((&pulled["objects"], &pulled["new"]), (&json!(1000), &json!(1000)));
    let pulled = south.json(&to_north, &["taxii", "pull", &url]);
    assert_eq!(pulled["objects"], 0, "it goes on where it ended");
    let shown = south.json("", &["intel", "show", objects[1]["id"].as_str().unwrap()]);
    assert_eq!(shown["from"][0]["through"], "pull");
    assert_eq!(shown["object"], objects[1], "value for value");
    let wrong = south.with("0000", &["taxii", "pull", &url]);
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert!(text(&wrong).contains("401"), "{wrong:?}");

    let all = north.json(&to_south, &["taxii", "collections", &south.discovery()]);
    let url = all[0]["url"].as_str().unwrap().to_owned();
    let push = ["taxii", "push", &url, "--collection", "feed", "--for", "green"];
    assert_eq!(north.json(&to_south, &push)["taken"], 1000);
    assert_eq!(north.json(&to_south, &push)["taken"], 0);
    let id = objects[1]["id"].as_str().unwrap();
    north.json("", &["intel", "delete", id]);
    let pushed = north.json(&to_south, &push);
    assert_eq!(
        (&pushed["taken"], &pushed["deleted"]),
        (&json!(0), &json!(1)),
        "it is deleted there too"
    );
    // What comes back before the next push is deleted there first.
    let mut again = objects[2].clone();
    north.json("", &["intel", "delete", again["id"].as_str().unwrap()]);
    again["modified"] = "2026-02-01T00:00:00.000Z".into();
    north.write("again.json", &bundle(&[again]));
    north.json("", &["intel", "import", "again.json", "--collection", "feed", "--again"]);
    let pushed = north.json(&to_south, &push);
    assert_eq!((&pushed["taken"], &pushed["deleted"]), (&json!(1), &json!(1)));
    assert_eq!(north.json(&to_south, &push)["deleted"], 0);
    let there = ["taxii", "pull", &url, "--anew"];
    assert_eq!(north.json(&to_south, &there)["objects"], 999);
}

/// A deletion reaches whom it was pushed to, though they push back; one that is refused is asked again, whatever came
/// back since.
#[test]
fn deletions_reach_nodes_that_push_to_each_other() {
    let [north, south, east] = ["northland", "southland", "eastland"].map(Node::start);
    let feed = |node: &Node| {
        let made = ["intel", "collection", "add", "feed", "--marking", "green"];
        let id = node.json("", &made)["id"].as_str().unwrap().to_owned();
        format!("{}intelligence/collections/{id}/", node.discovery())
    };
    let [_, of_north, of_east] = [feed(&south), feed(&north), feed(&east)];
    let key = |node: &Node, of: &str, theirs: &str| {
        let given = [
            "intel", "key", "add", of, "--tlp", "green", "--pap", "red", "--read", "feed",
            "--write", "feed", "--remote", theirs,
        ];
        node.json("", &given)["key"].as_str().unwrap().to_owned()
    };
    let south_to_north = (key(&north, "south", ""), of_north.clone());
    let north_to_east = (key(&east, "north", &of_north), of_east.clone());
    let east_to_north = (key(&north, "east", &of_east), of_north);
    let push = |from: &Node, (key, url): &(String, String)| {
        let sent = ["taxii", "push", url, "--collection", "feed", "--for", "green"];
        let done = from.json(key, &sent);
        (done["taken"].as_u64().unwrap(), done["deleted"].as_u64().unwrap())
    };
    let known = |node: &Node, id: &str| node.comity(&["intel", "show", id]).status.success();
    let bring = |node: &Node, objects: &[Value]| {
        node.write("came.json", &bundle(objects));
        node.json("", &["intel", "import", "came.json", "--collection", "feed", "--again"]);
    };
    let first = indicator(1, "green");
    let id = first["id"].as_str().unwrap();
    bring(&south, std::slice::from_ref(&first));
    assert_eq!(push(&south, &south_to_north), (1, 0));
    assert_eq!(push(&north, &north_to_east), (1, 0));
    south.json("", &["intel", "delete", id]);
    assert_eq!(push(&south, &south_to_north), (0, 1));
    // What comes from the other side before it is deleted there does not come back.
    assert_eq!(
        push(&east, &east_to_north),
        (1, 0),
        "what is here is no business of whoever pushes"
    );
    assert!(!known(&north, id) && known(&east, id));
    let pulled = north.with(&north_to_east.0, &["taxii", "pull", &north_to_east.1]);
    assert!(text(&pulled).contains("still to be deleted where it was pushed"), "{pulled:?}");
    // Whoever took it back may think again; and an earlier version does not come back beside it.
    let mut later = first.clone();
    later["modified"] = "2026-02-01T00:00:00.000Z".into();
    bring(&south, &[later]);
    assert_eq!(push(&south, &south_to_north), (1, 0));
    north.with(&north_to_east.0, &["taxii", "pull", &north_to_east.1, "--anew"]);
    let versions = |node: &Node| {
        let shown = node.json("", &["intel", "show", id]);
        shown["versions"].as_array().map(Vec::len)
    };
    assert_eq!(
        versions(&north),
        versions(&south),
        "{}",
        text(&north.comity(&["intel", "show", id]))
    );
    assert_eq!(push(&north, &north_to_east), (1, 1));
    assert_eq!(versions(&east), versions(&south));
    // And so it ends everywhere: what only came back is no other source of it.
    assert_eq!(push(&east, &east_to_north), (1, 0));
    north.with(&north_to_east.0, &["taxii", "pull", &north_to_east.1, "--anew"]);
    south.json("", &["intel", "delete", id]);
    assert_eq!(push(&south, &south_to_north), (0, 1));
    assert_eq!(push(&north, &north_to_east), (0, 1));
    assert_eq!(push(&east, &east_to_north), (0, 0));
    assert!(!known(&north, id) && !known(&east, id));

    let statement = json!({
        "type": "marking-definition", "spec_version": "2.1",
        "id": "marking-definition--00000000-0000-4000-8000-000000000001",
        "created": "2026-01-01T00:00:00.000Z", "definition_type": "statement",
        "definition": { "statement": "(c) Northland" }, "object_marking_refs": first["object_marking_refs"],
    });
    bring(&north, std::slice::from_ref(&statement));
    assert_eq!(push(&north, &north_to_east), (1, 0));
    let mut marked = indicator(2, "green");
    marked["object_marking_refs"] = json!([statement["id"], first["object_marking_refs"][0]]);
    bring(&east, std::slice::from_ref(&marked));
    let statement_id = statement["id"].as_str().unwrap();
    north.json("", &["intel", "delete", statement_id]);
    let sent = ["taxii", "push", &north_to_east.1, "--collection", "feed", "--for", "green"];
    let refused = north.with(&north_to_east.0, &sent);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("something in this collection is marked with it"),
        "{refused:?}"
    );
    // What came back is deleted there before it is there again.
    bring(&north, std::slice::from_ref(&statement));
    let refused = north.with(&north_to_east.0, &sent);
    assert!(text(&refused).contains("1 objects taken, 1 refused"), "{refused:?}");
    east.json("", &["intel", "delete", marked["id"].as_str().unwrap()]);
    assert_eq!(push(&north, &north_to_east), (1, 1));
    assert_eq!(push(&north, &north_to_east), (0, 0));
    assert!(known(&east, statement_id));
    // A key that may not delete, or not there, is refused, whatever came back since; and what is here now is what is there.
    let given =
        ["intel", "key", "add", "writer", "--tlp", "green", "--pap", "red", "--write", "feed"];
    let writer = (east.json("", &given)["key"].as_str().unwrap().to_owned(), of_east.clone());
    east.json("", &["intel", "collection", "add", "else", "--marking", "green"]);
    let given = [
        "intel", "key", "add", "stranger", "--tlp", "green", "--pap", "red", "--read", "else",
        "--write", "else",
    ];
    let stranger = (east.json("", &given)["key"].as_str().unwrap().to_owned(), of_east);
    let mut twice = indicator(4, "green");
    let twice_id = twice["id"].as_str().unwrap().to_owned();
    bring(&north, std::slice::from_ref(&twice));
    assert_eq!(push(&north, &writer), (1, 0));
    north.json("", &["intel", "delete", &twice_id]);
    for (key, why) in [(&writer.0, "403"), (&stranger.0, "404")] {
        let refused = north.with(key, &sent);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(text(&refused).contains(why), "{refused:?}");
    }
    twice["modified"] = "2026-02-01T00:00:00.000Z".into();
    bring(&north, std::slice::from_ref(&twice));
    let refused = north.with(&writer.0, &sent);
    assert!(text(&refused).contains("1 objects taken, 1 refused"), "{refused:?}");
    assert_eq!(push(&north, &north_to_east), (1, 1));
    assert_eq!(push(&north, &north_to_east), (0, 0));
    // Brought again for fewer, it is there for nobody else.
    north.json("", &["intel", "delete", &twice_id]);
    let mut fewer = twice.clone();
    fewer["object_marking_refs"] = indicator(4, "red")["object_marking_refs"].clone();
    bring(&north, std::slice::from_ref(&fewer));
    assert_eq!(push(&north, &north_to_east), (0, 1));
    let shown = east.json("", &["intel", "show", &twice_id]);
    assert_eq!(shown["collections"], json!([]), "{shown}");
    north.json("", &["intel", "delete", &twice_id]);
    bring(&north, std::slice::from_ref(&twice));
    assert_eq!(push(&north, &north_to_east), (1, 0));
    let shown = east.json("", &["intel", "show", &twice_id]);
    assert_eq!(shown["object"]["modified"], twice["modified"]);
    // What came from there before it was pushed there is theirs.
    let both = indicator(3, "green");
    for node in [&south, &east] {
        bring(node, std::slice::from_ref(&both));
    }
    assert_eq!(push(&south, &south_to_north), (1, 0));
    assert!(push(&east, &east_to_north).0 > 0);
    assert!(push(&north, &north_to_east).0 > 0);
    south.json("", &["intel", "delete", both["id"].as_str().unwrap()]);
    assert_eq!(push(&south, &south_to_north), (0, 1));
    assert!(known(&north, both["id"].as_str().unwrap()));
    assert_eq!(push(&north, &north_to_east).1, 0);
}

/// Answers requests, one after the other, with what a function says of each path.
fn server<B: AsRef<[u8]>>(
    answer: impl Fn(&str, usize) -> (u16, String, B) + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or_default();
            let (status, headers, body) = answer(path, turn);
            let body = body.as_ref();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: {TAXII}\r\ncontent-length: {}\r\n{headers}\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
            let _ = reader.read(&mut [0]);
        }
    });
    port
}

#[test]
fn servers_that_page_wrongly_or_lead_elsewhere_are_left() {
    let node = Node::start("northland");
    let page = |more: &str, number: usize| {
        format!("{{{more}\"objects\":[{},{{\"type\":\"bad\"}}]}}", indicator(number, "green"))
    };
    let pull = |port: u16| {
        let url = format!("http://127.0.0.1:{port}/api/collections/1/");
        node.with("secret", &["taxii", "pull", &url])
    };
    // The same page again and again.
    let first = page("\"more\":true,\"next\":\"x\",", 1);
    let output = pull(server(move |_, _| (200, String::new(), first.clone())));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output).contains("a page comes again"), "{output:?}");
    // Never the same page, and never anything new.
    let output = pull(server(move |_, turn| {
        let more = format!("\"more\":true,\"next\":\"{turn}\",\"x_turn\":{turn},");
        let objects = [turn % 3, turn % 5].map(|one| indicator(one + 10, "green").to_string());
        (200, String::new(), format!("{{{more}\"objects\":[{}]}}", objects.join(",")))
    }));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output).contains("nothing new in them"), "{output:?}");
    // More, and nothing to go on from.
    let first = page("\"more\":true,", 2);
    let output = pull(server(move |_, _| (200, String::new(), first.clone())));
    assert!(text(&output).contains("neither 'next' nor a time"), "{output:?}");
    assert_eq!(
        node.json("", &["intel", "search", "sinkhole"])["objects"].as_array().unwrap().len(),
        7
    );
    // One bad object is said, and the other comes in; a redirect within the host is followed.
    let last = page("", 3);
    let output = pull(server(move |path, _| match path {
        "/other/" => (200, String::new(), last.clone()),
        _ => (307, "location: /other/\r\n".to_owned(), String::new()),
    }));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output).contains("2 objects, 1 new, 0 here already, 1 refused"), "{output:?}");
    // So is one with what is no UTF-8 in it.
    let both = format!("{{\"objects\":[{},{}]}}", indicator(7, "green"), indicator(6, "green"));
    let at = both.find("Sinkhole 7").unwrap();
    let mut both = both.into_bytes();
    both[at] = 0xe9;
    let output = pull(server(move |_, _| (200, String::new(), both.clone())));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output).contains("2 objects, 1 new, 0 here already, 1 refused"), "{output:?}");
    // To another host nothing goes, the key least of all.
    let output = pull(server(|_, _| {
        (302, "location: http://169.254.169.254/\r\n".to_owned(), String::new())
    }));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output).contains("which is another host"), "{output:?}");
    let roots = json!({ "title": "x", "api_roots": ["http://evil.example/api/"] }).to_string();
    let port = server(move |_, _| (200, String::new(), roots.clone()));
    let output =
        node.with("secret", &["taxii", "collections", &format!("http://127.0.0.1:{port}/taxii2/")]);
    assert!(
        text(&output).contains("http://evil.example/api/, which is another host"),
        "{output:?}"
    );
    // Round and round.
    let output = pull(server(|_, _| (301, "location: /again\r\n".to_owned(), String::new())));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    // What went on somewhere is not known there any more.
    let (one, two) = (page("\"more\":true,\"next\":\"lost\",", 4), page("", 5));
    let port = server(move |path, turn| match (path.contains("next=lost"), turn) {
        (false, 0) => (200, String::new(), one.clone()),
        (true, 1) => (500, String::new(), String::new()),
        (true, _) => (400, String::new(), String::new()),
        (false, _) => (200, String::new(), two.clone()),
    });
    assert_eq!(pull(port).status.code(), Some(3));
    assert!(text(&pull(port)).contains("2 objects, 1 new"), "from the time before");
    // Not even TAXII.
    let output = pull(server(|_, _| (200, String::new(), "<html>".to_owned())));
    assert!(text(&output).contains("what is no TAXII"), "{output:?}");
    let output = node.comity(&["taxii", "pull", "http://127.0.0.1:1/collections/1/"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    for url in ["ftp://a/collections/1/", "http://127.0.0.1/", "http://a@b/collections/1/"] {
        assert_eq!(node.comity(&["taxii", "pull", url]).status.code(), Some(2), "{url}");
    }
}

#[test]
fn the_fields_own_clients_read_and_add() {
    let Ok(python) = std::env::var("COMITY_TEST_PYTHON") else {
        eprintln!(
            "skipped: COMITY_TEST_PYTHON is not set; ./test makes an environment with the clients"
        );
        return;
    };
    let node = Node::start("northland");
    node.json("", &["intel", "collection", "add", "feed", "--marking", "green"]);
    let objects: Vec<Value> = (0..250).map(|number| indicator(number, "green")).collect();
    node.write("a.json", &bundle(&objects));
    node.json("", &["intel", "import", "a.json", "--collection", "feed"]);
    let given = [
        "intel", "key", "add", "siem", "--tlp", "green", "--pap", "red", "--read", "feed",
        "--write", "feed",
    ];
    let key = node.json("", &given)["key"].as_str().unwrap().to_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/taxii.py");
    let ran =
        Command::new(python).arg(script).args([&node.discovery(), &key, "250"]).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
}

#[test]
fn events_of_misp_and_lists_come_in_and_go_out() {
    let node = Node::start("northland");
    let event = json!({ "Event": {
        "uuid": "a6ef17d6-91cb-4a05-b10b-2f045daf874c", "info": "Harbour wave", "timestamp": "1603642920", "published": true,
        "Orgc": { "name": "Harbour CERT", "uuid": "a0c22599-9e58-4da4-96ac-7051603fa951" },
        "Tag": [{ "name": "tlp:green" }],
        "Attribute": [
            { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d1f", "type": "ip-dst", "value": "203.0.113.9", "to_ids": true,
              "category": "Network activity",
              "Sighting": [{ "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d20", "type": "0", "date_sighting": "1603642921" }] },
            { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d11", "type": "domain", "value": "secret.example", "to_ids": true,
              "category": "Network activity", "Tag": [{ "name": "tlp:red" }] },
            { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d12", "type": "btc", "value": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
              "category": "Financial fraud" },
            { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d13", "type": "yara", "value": "rule x { condition: true }",
              "category": "Payload installation", "to_ids": true },
        ],
    } });
    node.write("event.json", &event.to_string());
    node.write("documented.json", &documented().to_string());
    let report = node.json("", &["intel", "import", "event.json"]);
    assert_eq!(report["refused"], 0, "{report}");
    let again = node.json("", &["intel", "import", "event.json"]);
    assert_eq!((&again["new"], &again["known"]), (&json!(0), &report["new"]));
    node.write("list.csv", "indicator,comment\nhxxp://evil[.]example/a,\"seen in March, twice\"\n198.51.100[.]7,y\n44d88612fea8a8f36de82e1278abb02f,z\nno such thing,!\n");
    let list = node.comity(&["intel", "import", "list.csv", "--marking", "green"]);
    assert!(text(&list).contains("3 new, 0 here already, 1 refused"), "{list:?}");
    let list = node.comity(&["intel", "import", "list.csv", "--marking", "green"]);
    assert!(
        text(&list).contains("0 new, 3 here already, 1 refused"),
        "the same values are the same: {list:?}"
    );
    let found = node.json("", &["intel", "search", "twice"]);
    let id = found["objects"][0]["id"].as_str().unwrap();
    let shown = node.json("", &["intel", "show", id]).to_string();
    assert!(shown.contains(r#""description":"seen in March, twice""#), "{shown}");
    // A URL is what the list says; without a scheme it may be either.
    node.write("urls.txt", "hxxps://evil[.]example/b\nevil[.]example/c\n");
    let urls = node.comity(&["intel", "import", "urls.txt", "--marking", "green"]);
    assert!(text(&urls).contains("2 new, 0 here already, 0 refused"), "{urls:?}");
    let query = "evil.example/b OR evil.example/c";
    let out = ["intel", "export", "--for", "green", "-o", "urls.json", query];
    assert_eq!(node.comity(&out).status.code(), Some(0));
    let urls = std::fs::read_to_string(node.folder.path().join("urls.json")).unwrap();
    assert!(urls.contains("[url:value = 'https://evil.example/b']"), "{urls}");
    assert!(
        urls.contains("'http://evil.example/c' OR url:value = 'https://evil.example/c'"),
        "{urls}"
    );
    // A list may say of each value how far it goes; what says it in no label of TLP stays out.
    node.write(
        "marked.csv",
        "value,tlp\nred.example,TLP:RED\ngreen.example,tlp:green\nodd.example,secret\n",
    );
    let list = node.comity(&["intel", "import", "marked.csv", "--marking", "clear"]);
    assert!(text(&list).contains("2 new, 0 here already, 1 refused"), "{list:?}");
    assert!(text(&list).contains("its label is none of TLP"), "{list:?}");
    let out = [
        "intel",
        "export",
        "--for",
        "green",
        "--format",
        "csv",
        "-o",
        "marked-out.csv",
        "*.example",
    ];
    let out = node.comity(&out[..8]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let out = std::fs::read_to_string(node.folder.path().join("marked-out.csv")).unwrap();
    assert!(out.starts_with("type,value,id,name,marking\n"), "{out}");
    assert!(out.lines().any(|line| line.contains("green.example") && line.ends_with("TLP:GREEN")));
    assert!(!out.contains("red.example") && !out.contains("odd.example"), "{out}");
    // Of two rows of one value the stricter label counts, in one file and after another. What has none of its own, and a
    // comment of another list, is told under no other label.
    node.write("twice.csv", "value,tlp,comment\n203.0.113.21,green,first\n203.0.113.21,red,second\n203.0.113.22,green,\n");
    let list = node.comity(&["intel", "import", "twice.csv", "--marking", "clear"]);
    assert!(text(&list).contains("2 new, 0 here already, 0 refused"), "{list:?}");
    node.write(
        "later.csv",
        "value,tlp,comment\n203.0.113.22,red,now secret\n203.0.113.21,green,second\n",
    );
    let list = node.comity(&["intel", "import", "later.csv", "--marking", "clear"]);
    assert!(text(&list).contains("1 new, 1 here already, 0 refused"), "{list:?}");
    let list = node.comity(&["intel", "import", "later.csv", "--marking", "clear"]);
    assert!(text(&list).contains("0 new, 2 here already, 0 refused"), "{list:?}");
    node.write(
        "hush.csv",
        "value,tlp,comment\n203.0.113.23,,hush\n203.0.113.23,green,ok\n203.0.113.24,green,\n",
    );
    let list = node.comity(&["intel", "import", "hush.csv", "--marking", "red"]);
    assert!(text(&list).contains("2 new, 0 here already, 1 refused"), "{list:?}");
    // The later end, none being the latest, and the higher confidence.
    node.write(
        "ends.csv",
        "value,confidence,expires\n203.0.113.31,20,2020-01-01\n203.0.113.31,90,2030-01-01\n203.0.113.31,50,2029-01-01\n\
         203.0.113.32,,2030-01-01\n203.0.113.32,,\n203.0.113.32,,2031-01-01\n",
    );
    let list = node.comity(&["intel", "import", "ends.csv"]);
    assert!(text(&list).contains("2 new, 0 here already, 0 refused"), "{list:?}");
    let shown = |value: &str| {
        let found = node.json("", &["intel", "search", &format!("value:\"{value}\"")]);
        let id = found["objects"][0]["id"].as_str().unwrap().to_owned();
        node.json("", &["intel", "show", &id])["object"].clone()
    };
    let first = shown("203.0.113.31");
    assert_eq!(
        (&first["confidence"], &first["valid_until"]),
        (&json!(90), &json!("2030-01-01T00:00:00.000Z"))
    );
    assert!(first["valid_from"].as_str().unwrap() > "2025", "{first}");
    assert_eq!(shown("203.0.113.32")["valid_until"], Value::Null);
    node.write("open.csv", "value,tlp,comment\n203.0.113.23,green,\n");
    node.comity(&["intel", "import", "open.csv", "--marking", "clear"]);
    node.write("secret.csv", "value,comment\n203.0.113.24,from our secret source\n");
    node.comity(&["intel", "import", "secret.csv", "--marking", "red"]);
    let out = ["intel", "export", "--for", "green", "-o", "hush.json", "type:indicator"];
    node.comity(&out);
    let out = std::fs::read_to_string(node.folder.path().join("hush.json")).unwrap_or_default();
    assert!(out.contains("203.0.113.24"), "{out}");
    assert!(!out.contains("hush") && !out.contains("from our secret source"), "{out}");
    for value in ["203.0.113.21", "203.0.113.22"] {
        let found = node.json("", &["intel", "search", &format!("value:{value}"), "tlp:red"]);
        assert!(!found["objects"].as_array().unwrap().is_empty(), "{value}: {found}");
    }
    // What is written out comes in again as it was: values to the letter, labels of both sorts, how long it is good. What
    // a list cannot say as an indicator is named.
    node.write(
        "back.csv",
        "type,value,marking,valid_until\nurl,http://Back.example/AbC?Q=1#x,TLP:GREEN PAP:AMBER,2020-01-01\n\
         regkey,HKLM\\x,,\nmutex,m,,\n",
    );
    let list = node.comity(&["intel", "import", "back.csv", "--marking", "clear"]);
    assert!(text(&list).contains("2 new, 0 here already, 2 refused"), "{list:?}");
    assert!(text(&list).contains("1 rows of type mutex"), "{list:?}");
    let query = "AbC";
    let out = [
        "intel",
        "export",
        "--for",
        "green",
        "--pap",
        "amber",
        "--format",
        "csv",
        "-o",
        "back-out.csv",
        query,
    ];
    assert_eq!(node.comity(&out).status.code(), Some(0));
    let back = std::fs::read_to_string(node.folder.path().join("back-out.csv")).unwrap();
    assert!(back.contains("\nurl,http://Back.example/AbC?Q=1#x,indicator--"), "{back}");
    assert!(back.ends_with(",TLP:GREEN PAP:AMBER\n"), "{back}");
    let again = node.comity(&["intel", "convert", "--to", "stix", "back-out.csv"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    let indicator =
        again["objects"].as_array().unwrap().iter().find(|one| one["type"] == "indicator").unwrap();
    assert_eq!(indicator["pattern"], "[url:value = 'http://Back.example/AbC?Q=1#x']");
    assert_eq!(indicator["object_marking_refs"].as_array().unwrap().len(), 2);
    // What a warning list in the node's folder knows is told; one that is none is named, and nothing comes in.
    node.write(
        "data/warninglists/digests.json",
        r#"{"name": "Known digests", "type": "string", "matching_attributes": ["md5"],
            "list": ["44d88612fea8a8f36de82e1278abb02f"]}"#,
    );
    let list = node.comity(&["intel", "import", "list.csv", "--marking", "green", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let known = json!([{ "value": "44d88612fea8a8f36de82e1278abb02f", "list": "Known digests" }]);
    assert_eq!(list["harmless"], known);
    let list = node.comity(&["intel", "import", "list.csv", "--marking", "green"]);
    let told = "known to be harmless: 44d88612fea8a8f36de82e1278abb02f (Known digests)";
    assert!(text(&list).contains(told), "{list:?}");
    node.write("data/warninglists/broken.json", "{}");
    let broken = node.comity(&["intel", "import", "list.csv", "--marking", "green"]);
    assert!(text(&broken).contains("broken.json: this is no MISP warning list"), "{broken:?}");
    std::fs::remove_dir_all(node.folder.path().join("data/warninglists")).unwrap();
    let found = node.json("", &["intel", "search", "value:198.51.100.7"]);
    assert_eq!(found["objects"].as_array().unwrap().len(), 1);
    assert_eq!(node.comity(&["intel", "import", "/dev/null"]).status.code(), Some(2));

    // The documents' samples use some identifiers for several things: the first stays, and the others are named.
    let report = node.comity(&["intel", "import", "documented.json", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let refused = report["refusals"].as_array().unwrap();
    let taken = "something else with this identifier came before it";
    assert!(refused.len() < 10 && refused.iter().all(|one| one["why"] == taken), "{report}");
    assert!(report["new"].as_u64() > Some(400), "{report}");
    node.json("", &["intel", "export", "--for", "green", "--format", "misp-feed", "-o", "feed"]);
    let feed = node.folder.path().join("feed");
    let texts = std::fs::read_dir(&feed)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), 4, "a manifest, an event for each report, and one for the rest");
    assert!(!texts.iter().any(|text| text.contains("secret.example")), "{texts:?}");
    let converted = node.comity(&["intel", "convert", "--to", "stix", "event.json"]);
    assert_eq!(converted.status.code(), Some(0), "{converted:?}");
    node.write("converted.json", &String::from_utf8(converted.stdout).unwrap());
    assert_eq!(node.comity(&["stix", "validate", "converted.json"]).status.code(), Some(0));
    let back = node.comity(&["intel", "convert", "--to", "misp", "converted.json"]);
    let back: Value = serde_json::from_slice(&back.stdout).unwrap();
    assert_eq!(back["response"][0]["Event"]["info"], "Harbour wave");
    let Ok(python) = std::env::var("COMITY_TEST_PYTHON") else {
        eprintln!(
            "skipped in part: COMITY_TEST_PYTHON is not set; ./test makes an environment with pymisp"
        );
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/misp.py");
    let ran = Command::new(python).arg(script).arg(&feed).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
    let found: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let wave = found.as_array().unwrap().iter().find(|one| one["info"] == "Harbour wave").unwrap();
    assert_eq!((&wave["date"], &wave["tags"]), (&json!("2020-10-25"), &json!(["tlp:green"])));
    assert_eq!(wave["attributes"]["ip-dst"], json!(["203.0.113.9"]));
    assert_eq!(wave["attributes"]["btc"], json!(["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"]));
    assert_eq!(wave["attributes"]["yara"], json!(["rule x { condition: true }"]));
    assert_eq!(wave["sightings"], 1);
    let all = found.as_array().unwrap().iter().find(|one| one["info"] == "Documented").unwrap();
    assert_eq!(all["attributes"]["filename|md5"].as_array().unwrap().len(), 1);
    assert_eq!(all["objects"].as_object().unwrap().len(), documented_names().len(), "{all}");
}

/// What MISP documents of its own converter.
fn misp_document(name: &str) -> Value {
    let path = format!("{}/../../data/misp/misp_{name}_to_stix21.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    // Samples whose middle is cut out there, as some that can be read.
    let of = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut parts = text.split("[...]");
    let mut made = parts.next().unwrap().to_owned();
    for part in parts {
        made.truncate(made.trim_end_matches(of).len());
        made.push_str("AAAA");
        made.push_str(part.trim_start_matches(of));
    }
    serde_json::from_str(&made).unwrap()
}

/// The objects that are documented, each once.
fn documented_objects() -> Vec<Value> {
    let mut seen = std::collections::BTreeSet::new();
    let document = misp_document("objects");
    let all = document.as_object().unwrap().values().map(|pair| pair["MISP"].clone());
    let all = all.flat_map(|one| match one {
        Value::Array(all) => all,
        one => vec![one],
    });
    all.filter(|one| seen.insert(one["uuid"].to_string())).collect()
}

fn documented_names() -> std::collections::BTreeSet<String> {
    documented_objects().iter().map(|one| one["name"].to_string()).collect()
}

/// An event of everything that is documented.
fn documented() -> Value {
    let document = misp_document("attributes");
    let attributes = document.as_object().unwrap().values().enumerate().map(|(number, pair)| {
        let mut one = pair["MISP"].clone();
        one["uuid"] = format!("00000000-0000-4000-8000-{number:012}").into();
        one["to_ids"] = (number % 2 == 0).into();
        one
    });
    json!({ "Event": {
        "uuid": "a6ef17d6-91cb-4a05-b10b-2f045daf8700", "info": "Documented", "timestamp": "1603642920",
        "published": true, "Tag": [{ "name": "tlp:green" }],
        "Orgc": { "name": "Harbour CERT", "uuid": "a0c22599-9e58-4da4-96ac-7051603fa951" },
        "Attribute": attributes.collect::<Vec<_>>(), "Object": documented_objects(),
    } })
}
