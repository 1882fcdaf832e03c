//! What TAXII costs: a page of 100 objects by the same bytes as a constant from the same stack, with filters, with
//! 10,000 objects and with many; additions, validated and durable; memory. SQLite. The server is a process of its own,
//! so that what the client costs is not in the figures.
//!
//! `cargo bench -p comity-node --bench taxii` (`-- 1000000` for so many objects).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use comity_node::clock::System;
use comity_node::http::Connection;
use comity_node::intel::Grant;
use comity_node::network::{Network as _, Tcp};
use comity_node::{serve, taxii};
use comity_stix::marking::{Clearance, Pap, Tlp};
use hyper::Method;

const MEDIA: &str = "application/taxii+json;version=2.1";
/// Objects of one addition.
const ADDED: usize = 5_000;
/// Requests of one measurement.
const REQUESTS: usize = 10_000;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|one| one == "--serve") {
        return run(Path::new(&arguments[at + 1])).await;
    }
    let count = arguments.iter().filter_map(|one| one.parse().ok()).next().unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let small = 20_000;
    let bodies: Vec<_> = (0..small).step_by(ADDED).map(|from| envelope(from, ADDED)).collect();
    let begin = (Instant::now(), server.cpu());
    for body in bodies {
        server.add("first", body).await;
    }
    let (wall, cpu) = (begin.0.elapsed().as_secs_f64(), (server.cpu() - begin.1).as_secs_f64());
    println!(
        "POST, {ADDED} objects at once: {:.0} objects a second, {:.1} us of CPU each",
        small as f64 / wall,
        cpu * 1e6 / small as f64
    );
    let envelopes = [4_000_000, 5_000_000].map(|from| {
        (0..small).step_by(ADDED).map(|at| envelope(from + at, ADDED)).collect::<Vec<_>>()
    });
    let begin = (Instant::now(), server.cpu());
    let add = async |bodies: Vec<_>| {
        for body in bodies {
            server.add("many", body).await;
        }
    };
    let [one, other] = envelopes;
    tokio::join!(add(one), add(other));
    let (wall, cpu) = (begin.0.elapsed().as_secs_f64(), (server.cpu() - begin.1).as_secs_f64());
    println!(
        "the same from two clients: {:.0} objects a second, {:.1} us of CPU each",
        2.0 * small as f64 / wall,
        cpu * 1e6 / (2.0 * small as f64)
    );
    let page = server.get("first", "?limit=100").await;
    println!("a page of 100 objects has {} bytes", page.len());
    let queries = [
        "?limit=100",
        "?limit=100&match[type]=indicator",
        "?limit=100&match[type]=malware,indicator,domain-name",
        "?limit=100&match[version]=all",
        "?limit=100&match[spec_version]=2.1",
        "?limit=100&added_after=2026-01-01T00:00:00Z",
    ];
    server.get("constant", "").await;
    for query in queries {
        for (how, what) in [
            (Ask::Again, "asked for before"),
            (Ask::Anew, "made anew"),
            (Ask::Elsewhere, "of a list that nobody reads"),
        ] {
            let ratio = server.compare(("first", query, how), ("constant", "", Ask::Again)).await;
            println!("GET {query}, {what}: {ratio} times the CPU of the constant");
        }
    }
    if count > 20_000 {
        let begin = (Instant::now(), server.cpu());
        let mut done = 0;
        while done < count {
            server.add("many", envelope(1_000_000 + done, ADDED)).await;
            done += ADDED;
        }
        let (wall, cpu) = (begin.0.elapsed().as_secs_f64(), (server.cpu() - begin.1).as_secs_f64());
        println!(
            "POST up to {done}: {:.0} objects a second, {:.1} us of CPU each",
            done as f64 / wall,
            cpu * 1e6 / done as f64
        );
        for query in queries {
            let ratio =
                server.compare(("many", query, Ask::Anew), ("first", query, Ask::Anew)).await;
            println!("GET {query} with {count}: {ratio} times the CPU of that with 20000");
        }
        let next =
            serde_json::from_slice::<serde_json::Value>(&server.get("many", "?limit=100").await);
        let next = next.unwrap()["next"].as_str().unwrap().to_owned();
        let deep = format!("?limit=100&next={}", &next);
        let ratio =
            server.compare(("many", &deep, Ask::Anew), ("first", "?limit=100", Ask::Anew)).await;
        println!("GET of the next page with {count}: {ratio} times");
    }
    println!(
        "server: {} MB resident, {} MB at most",
        server.resident("VmRSS"),
        server.resident("VmHWM")
    );
    let size = std::fs::metadata(folder.path().join("northland/store.db"));
    if let Ok(size) = size {
        println!("store: {} MB", size.len() >> 20);
    }
    server.child.kill().unwrap();
}

/// A process that serves.
struct Server {
    child: Child,
    port: u16,
    keys: [(String, String); 2],
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--serve", &folder.display().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let port = line().parse().unwrap();
        let keys = [(line(), line()), (line(), line())];
        Self { child, port, keys }
    }

    async fn connect(&self, name: &str) -> (Connection, String) {
        let stream = Tcp.connect(&format!("127.0.0.1:{}", self.port)).await.unwrap();
        let mut connection = Connection::begin(stream, "localhost").await.unwrap();
        let at = usize::from(name == "many");
        let (id, key) = &self.keys[at];
        connection.authorization = Some(format!("Bearer {key}"));
        connection.media = MEDIA;
        let path = if name == "constant" {
            "/constant".to_owned()
        } else {
            format!("/taxii2/intelligence/collections/{id}/objects/")
        };
        (connection, path)
    }

    async fn add(&self, name: &str, objects: Vec<u8>) {
        let (mut connection, path) = self.connect(name).await;
        let reply = connection.send(Method::POST, &path, objects, 1 << 26).await;
        let reply = reply.unwrap();
        let status: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            (reply.status, status["success_count"].as_u64()),
            (202, Some(ADDED as u64)),
            "{}",
            status["failures"]
        );
    }

    async fn get(&self, name: &str, query: &str) -> Vec<u8> {
        let (mut connection, path) = self.connect(name).await;
        let reply = connection.send(Method::GET, &format!("{path}{query}"), vec![], 1 << 26).await;
        let reply = reply.unwrap();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.body
    }

    /// CPU of the server for some requests.
    async fn spend(&self, (name, query, how): (&str, &str, Ask)) -> Duration {
        let (mut connection, path) = self.connect(name).await;
        let path = format!("{path}{query}");
        let before = self.cpu();
        for _ in 0..REQUESTS {
            let path = match how {
                Ask::Again => path.clone(),
                Ask::Anew => anew(&path),
                Ask::Elsewhere => elsewhere(&path),
            };
            let reply = connection.send(Method::GET, &path, vec![], 1 << 26).await.unwrap();
            assert_eq!(reply.status, 200);
        }
        self.cpu() - before
    }

    /// The median ratio of what two kinds of requests cost, turn by turn.
    async fn compare(&self, one: (&str, &str, Ask), other: (&str, &str, Ask)) -> String {
        let mut ratios = Vec::new();
        let mut each = Duration::ZERO;
        for _ in 0..ROUNDS {
            let (first, second) = (self.spend(one).await, self.spend(other).await);
            each += first;
            ratios.push(first.as_secs_f64() / second.as_secs_f64());
        }
        ratios.sort_by(f64::total_cmp);
        let each = each.as_secs_f64() * 1e6 / (REQUESTS * ROUNDS) as f64;
        format!(
            "{:.2} (from {:.2} to {:.2}; {each:.0} us)",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1]
        )
    }

    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    fn resident(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(which)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

/// How often a page is asked for.
#[derive(Clone, Copy)]
enum Ask {
    /// The same again and again.
    Again,
    /// Each from another place of its list, as readers do who go through it.
    Anew,
    /// Each of a list of its own: added after another time.
    Elsewhere,
}

/// The first page of a list that nobody reads: what was added after a microsecond of its own.
fn elsewhere(path: &str) -> String {
    static TURN: AtomicI64 = AtomicI64::new(1);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let (path, _) = path.split_once("&added_after=").unwrap_or((path, ""));
    format!("{path}&added_after=2020-01-01T00:00:{:02}.{:06}Z", turn / 1_000_000, turn % 1_000_000)
}

/// The same request as nobody made it before: from a place some microseconds earlier.
fn anew(path: &str) -> String {
    static TURN: AtomicI64 = AtomicI64::new(1);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    match path.split_once("&next=p") {
        Some((path, cursor)) => {
            let cursor = i64::from_str_radix(cursor, 16).unwrap();
            format!("{path}&next=p{:016x}", cursor - turn % 50_000)
        }
        None => format!("{path}&next=p{turn:016x}"),
    }
}

/// Objects as feeds have them, some 800 bytes each.
fn envelope(from: usize, count: usize) -> Vec<u8> {
    let mut text = String::from("{\"objects\":[");
    for number in from..from + count {
        let comma = if number > from { "," } else { "" };
        let (a, b) = (number >> 8 & 255, number & 255);
        let green = Tlp::Green.id();
        let kind = match number % 10 {
            0 => "domain-name",
            1 => "malware",
            _ => "indicator",
        };
        let id = format!("{kind}--00000000-0000-4000-8000-{number:012x}");
        let head = format!(
            "{comma}{{\"type\":\"{kind}\",\"spec_version\":\"2.1\",\"id\":\"{id}\",\"object_marking_refs\":[\"{green}\"],"
        );
        text.push_str(&head);
        if kind == "domain-name" {
            let _ = write!(text, "\"value\":\"host{number}.feed.example\"}}");
            continue;
        }
        let _ = write!(
            text,
            "\"created\":\"2026-03-09T08:00:00.000Z\",\"modified\":\"2026-03-09T08:00:00.000Z\",\
             \"name\":\"Beacon {number} of the harbour campaign\",\
             \"description\":\"Seen on the perimeter while the operator moved from host{number}.feed.example to the next \
             stage; the same certificate was used by the earlier wave, which was reported in February.\",\
             \"labels\":[\"harbour\",\"wave-{}\",\"sector-energy\"],\"confidence\":{},\
             \"external_references\":[{{\"source_name\":\"report\",\"description\":\"Harbour wave {number}\",\
             \"external_id\":\"HB-{number}\"}}],",
            number % 40,
            number % 100,
        );
        let _ = match kind {
            "malware" => write!(text, "\"is_family\":false,\"malware_types\":[\"backdoor\"]}}"),
            _ => write!(
                text,
                "\"indicator_types\":[\"malicious-activity\"],\"valid_from\":\"2026-03-09T08:00:00Z\",\
                 \"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value = '198.{}.{a}.{b}' OR domain-name:value = \
                 'host{number}.feed.example']\"}}",
                18 + number % 2
            ),
        };
    }
    text.push_str("]}");
    text.into_bytes()
}

/// Serves a node's TAXII, and one page of it as a constant.
async fn run(folder: &Path) {
    let home = stage::home(folder, "northland", "127.0.0.1:1").await;
    let node = stage::open(&home, Arc::new(System), Arc::new(Tcp)).await;
    let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.port());
    let clearance = Clearance { tlp: Tlp::Amber, pap: Pap::Red };
    let mut first = String::new();
    for name in ["first", "many"] {
        let made = node.add_collection(name, name, "", Tlp::Green).await.unwrap();
        let grants = [Grant { collection: made.id.clone(), read: true, write: true }];
        let key = node.give_tool(name, clearance, &grants, "", 1).await.unwrap();
        println!("{}\n{key}", made.id);
        if name == "first" {
            first = made.id;
        }
    }
    let constant: Arc<OnceLock<String>> = Arc::default();
    let reading = Arc::clone(&node);
    let router = taxii::router(Arc::clone(&node)).route(
        "/constant",
        axum::routing::get(move || {
            let (constant, node, first) =
                (Arc::clone(&constant), Arc::clone(&reading), first.clone());
            async move {
                if constant.get().is_none() {
                    let collection = node.collection(&first).await.unwrap();
                    let asked = taxii::filter::read("limit=100").unwrap();
                    let page = comity_store::intel::feed::bodies(
                        node.db(),
                        collection.num,
                        clearance,
                        &asked.filter,
                        (100, 1 << 24),
                    );
                    let page = page.await.unwrap();
                    let text = |body| String::from_utf8(body).unwrap();
                    let bodies = page.members.into_iter().map(|(_, one)| text(one.body));
                    let bodies = bodies.collect::<Vec<_>>().join(",");
                    let text = format!(
                        "{{\"more\":true,\"next\":\"p0123456789abcdef\",\"objects\":[{bodies}]}}"
                    );
                    let _ = constant.set(text);
                }
                ([("content-type", MEDIA)], constant.get().unwrap().clone())
            }
        }),
    );
    serve::plain(listener, router).await;
}
