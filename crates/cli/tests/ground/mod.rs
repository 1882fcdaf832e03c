//! Two nodes, an outside witness and a PostgreSQL server as processes of this machine, a crowd that
//! states things through them, and what must hold of all that was acknowledged, whatever is done to them.

#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use comity_node::control::{self, Question, Reply};
use comity_rules::command::Command as Act;
use comity_rules::content::{Ask, Item, Remark, Tlp};
use serde_json::Value;

pub(crate) const SIDES: [&str; 2] = ["northland", "southland"];

/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(180);

/// A process that is killed with its owner.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (out, error) = (Stdio::null(), Stdio::null());
        Self(command.stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap())
    }

    /// The same, what it says on standard error kept in a file.
    pub(crate) fn logged(command: &mut Command, file: &Path) -> Self {
        let (out, error) = (Stdio::null(), File::create(file).unwrap());
        Self(command.stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it ended by itself, and how.
    pub(crate) fn ended(&mut self) -> Option<Option<i32>> {
        self.0.try_wait().unwrap().map(|status| status.code())
    }

    /// At once, as the kernel or the power does it.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A PostgreSQL server of one's own.
pub(crate) struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    server: Option<Process>,
}

impl Postgres {
    /// `None`, said so, where PostgreSQL is left out on purpose.
    pub(crate) fn new(folder: &Path) -> Option<Self> {
        if std::env::var("COMITY_TEST_POSTGRES").is_ok_and(|url| url == "none") {
            eprintln!("skipped on PostgreSQL: COMITY_TEST_POSTGRES is none");
            return None;
        }
        let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: run ./test");
        let bin = versions.map(|version| version.unwrap().path().join("bin")).max().unwrap();
        let data = folder.join("postgres");
        std::fs::create_dir(&data).unwrap();
        let mut server = Self { bin, data, port: port(), server: None };
        if is_root() {
            // The server refuses to be root, and must reach its folder.
            let owned = Command::new("chown").arg("postgres").arg(&server.data).status();
            let open = Command::new("chmod").arg("755").arg(folder).status();
            assert!(owned.unwrap().success() && open.unwrap().success());
        }
        let mut made = server.program("initdb");
        made.args(["-U", "comity", "-A", "trust", "-D"]).arg(&server.data);
        let made = made.stdout(Stdio::null()).status().unwrap();
        assert!(made.success());
        server.start();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://comity@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn start(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        command.args(["-c", "listen_addresses=127.0.0.1", "-c"]);
        command.arg(format!("unix_socket_directories={}", self.data.display()));
        let begin = Instant::now();
        loop {
            // Those of the server before it may still be going: then this one ends at once.
            let mut server = Process::start(&mut command);
            while server.0.try_wait().unwrap().is_none() {
                let mut ready = self.program("pg_isready");
                ready.args(["-q", "-h", "127.0.0.1", "-p"]).arg(self.port.to_string());
                if ready.status().unwrap().success() {
                    self.server = Some(server);
                    return;
                }
                assert!(begin.elapsed() < REST, "PostgreSQL does not start");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The server and all that belongs to it, at once.
    pub(crate) fn kill(&mut self) {
        let pid = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        let killed = Command::new("kill").args(["-9", &pid]).status().unwrap();
        assert!(killed.success());
        drop(self.server.take());
    }

    fn program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        }
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// A port that nobody else has, neither another test nor a line to the outside: it is below those that
/// the system gives away by itself, and locked by a file as long as this process lives. A node that is killed and
/// started again finds it free.
pub(crate) fn port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("comity-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let begin = std::process::id().wrapping_mul(97);
    for step in 0..COUNT {
        let port = u16::try_from(FIRST + (begin.wrapping_add(step)) % COUNT).unwrap();
        let file = File::create(folder.join(port.to_string())).unwrap();
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            HELD.lock().unwrap().push(file);
            return port;
        }
    }
    panic!("no port is free");
}

/// Everything that runs, and where.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    witness: String,
    web: [u16; 2],
    pub(crate) postgres: Option<Postgres>,
    pub(crate) nodes: [Option<Process>; 2],
    pub(crate) harbour: Option<Process>,
    /// Each side's folders: whoever serves one of them is that side.
    pub(crate) folders: [Vec<PathBuf>; 2],
    /// How often a node was started again because it could not start.
    pub(crate) revived: usize,
    /// What the processes are started with beside their arguments.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) acknowledged: Arc<Mutex<Acknowledged>>,
}

/// What nodes said was done.
#[derive(Default)]
pub(crate) struct Acknowledged {
    /// Side, place in its ledger, request and kind.
    pub(crate) statements: BTreeMap<(usize, u64), (String, &'static str)>,
    /// Acts that a node said it did not do, by what it said.
    pub(crate) refused: BTreeMap<String, usize>,
}

impl Ground {
    /// Two parties that have signed terms; the second keeps its store on PostgreSQL where `postgres`.
    pub(crate) fn new(postgres: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = if postgres { Postgres::new(folder.path()) } else { None };
        let ports: Vec<u16> = (0..7).map(|_| port()).collect();
        let at = |n: usize| format!("127.0.0.1:{}", ports[n]);
        let folders = SIDES.map(|party| vec![folder.path().join(party)]);
        let mut ground = Self {
            folder,
            folders,
            witness: at(6),
            web: [ports[0], ports[3]],
            postgres,
            nodes: [None, None],
            harbour: None,
            revived: 0,
            environment: Vec::new(),
            acknowledged: Arc::default(),
        };
        for (side, party) in SIDES.into_iter().enumerate() {
            let [web, exchange, admin] = [0, 1, 2].map(|n| at(side * 3 + n));
            let init = ["init", "--party", party, "--name", party, "--web", &web, "--exchange"];
            ground.run(side, &[&init[..], &[&exchange, "--admin", &admin]].concat());
            ground.write(&format!("{party}.card"), &ground.run(side, &["card", "show"]));
        }
        if let Some(postgres) = &ground.postgres {
            ground.write("southland/database", &postgres.url());
        }
        for (side, other) in [(0, "southland.card"), (1, "northland.card")] {
            ground.run(side, &["peer", "add", &ground.path(other)]);
        }
        let witness = ground.path("harbour");
        let key = comity(&["witness", "key", "--name", "harbour.example", "--data", &witness], &[]);
        let key = String::from_utf8(key.stdout).unwrap();
        let named = format!("harbour,{},http://{}", key.trim(), ground.witness);
        let terms = ground.path("terms.toml");
        let propose = ["agreement", "propose", "--template", "comity-model", "--peer", "southland"];
        let rest = ["--witness", &named, "--everyone", "--output", &terms];
        ground.run(0, &[&propose[..], &rest[..]].concat());
        for (side, party) in SIDES.into_iter().enumerate() {
            let root = ground.path(&format!("{party}/root.key"));
            ground.run(side, &["agreement", "sign", &terms, "--root-key", &root]);
            let policy = ground.run(side, &["ledger", "policy"]);
            ground.write(&format!("{party}.policy"), &policy);
        }
        ground.start_witness();
        (0..2).for_each(|side| ground.start_node(side));
        ground
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs a command of a side that must succeed.
    pub(crate) fn run(&self, side: usize, arguments: &[&str]) -> String {
        let data = self.path(SIDES[side]);
        let output = comity(&[arguments, &["--data", &data]].concat(), &[]);
        let [out, error] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(output.status.success(), "{arguments:?}: {out}{error}");
        out
    }

    pub(crate) fn start_node(&mut self, side: usize) {
        let log = self.path(&format!("{}.log", SIDES[side]));
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.arg("--data").arg(&self.folders[side][0]).arg("serve");
        command.envs(self.environment.iter().cloned());
        self.nodes[side] = Some(Process::logged(&mut command, log.as_ref()));
    }

    /// Gives a folder's node other addresses than its card names.
    pub(crate) fn settle_at(folder: &Path, web: u16, exchange: u16, admin: u16) {
        let file = folder.join("comity.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines =
            text.lines().filter(|line| !line.starts_with("admin") && !line.starts_with("web"));
        let mut text: String = lines.map(|line| format!("{line}\n")).collect();
        text += &format!("web = \"127.0.0.1:{web}\"\nadmin = \"127.0.0.1:{admin}\"\n");
        text += &format!("exchange_listen = \"127.0.0.1:{exchange}\"\n");
        std::fs::write(file, text).unwrap();
    }

    /// The port of a side's address of this name.
    pub(crate) fn port_of(&self, side: usize, key: &str) -> u16 {
        let config = std::fs::read_to_string(self.folders[side][0].join("comity.toml")).unwrap();
        let line = config.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.rsplit(':').next().unwrap().trim_end_matches('"').parse().unwrap()
    }

    /// Starts the nodes again that could not start, as a service manager does: their database was just
    /// gone. A node that ends in any other way has failed.
    pub(crate) fn revive(&mut self) {
        for (side, party) in SIDES.into_iter().enumerate() {
            let Some(code) = self.nodes[side].as_mut().and_then(Process::ended) else { continue };
            let log = std::fs::read_to_string(self.path(&format!("{party}.log")));
            let log = log.unwrap_or_default();
            assert_eq!(code, Some(3), "{party} ended: {log}");
            assert!(
                log.contains("PostgreSQL") || log.contains("connection closed"),
                "{party} ended: {log}"
            );
            self.revived += 1;
            self.start_node(side);
        }
    }

    /// A node that serves a folder, or stands by for another one that does.
    pub(crate) fn serve(&self, folder: &Path) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.arg("--data").arg(folder).arg("serve");
        Process::start(command.envs(self.environment.iter().cloned()))
    }

    pub(crate) fn start_witness(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.args(["--data", &self.path("harbour"), "witness", "serve"]);
        command.args(["--name", "harbour.example", "--listen", &self.witness]);
        for party in SIDES {
            command.args(["--ledgers", &self.path(&format!("{party}.policy"))]);
        }
        command.envs(self.environment.iter().cloned());
        self.harbour = Some(Process::start(&mut command));
    }

    /// Somebody who speaks to both nodes.
    pub(crate) fn listener(&self) -> Arc<Crowd> {
        Arc::new(Crowd(self.folders.clone()))
    }

    pub(crate) async fn ask(&self, side: usize, question: &Question) -> Option<Value> {
        for folder in &self.folders[side] {
            if let Ok(Some(Reply::Is(value))) = control::ask(folder, question).await {
                return Some(value);
            }
        }
        None
    }

    /// Has a side send a request; its id.
    pub(crate) async fn send(&self, side: usize, title: &str) -> String {
        let stated = self.listener().state(side, None, ask(title)).await;
        stated.expect("a node that answers").expect("a request that is legal").0
    }

    /// Waits until both nodes have all that either said, witnessed.
    pub(crate) async fn rest(&self) {
        let begin = Instant::now();
        // The first is asked once more in the end: what the second did may have given it something.
        let mut settled = 0;
        while settled < 3 {
            let found = self.ask(settled % 2, &Question::Examine).await;
            let examined = found.unwrap_or_default();
            let agreements = examined["agreements"].as_array();
            if agreements.is_some_and(|all| all.iter().all(|one| one["settled"] == true)) {
                settled += 1;
                continue;
            }
            settled = 0;
            assert!(begin.elapsed() < REST, "they do not come to rest: {examined:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What must hold: nothing acknowledged is lost, nothing doubled or out of order, both nodes have the
    /// same, their views are what their ledgers give, and an outsider finds nothing to refuse.
    pub(crate) async fn check(&self) {
        self.rest().await;
        let mut pages = Vec::new();
        for (side, party) in SIDES.into_iter().enumerate() {
            let (mut all, mut after) = (BTreeMap::new(), None);
            loop {
                let question = Question::Requests { open: false, after };
                let page = self.ask(side, &question).await.unwrap();
                for request in page["requests"].as_array().unwrap() {
                    let mut request = request.clone();
                    request["waits_for_us"].take();
                    // The age of what is open is the asking node's.
                    request["clocks"].take();
                    let id = request["id"].as_str().unwrap().to_owned();
                    assert!(all.insert(id, request).is_none(), "a request is listed twice");
                }
                after = page["next"].as_u64();
                if after.is_none() {
                    break;
                }
            }
            pages.push(all);
            let evidence = self.ask(side, &Question::Evidence { folder: None }).await.unwrap();
            assert_eq!(evidence, serde_json::json!([]), "{party} refused something");
            let rebuilt = self.ask(side, &Question::Rebuild).await.unwrap();
            assert_eq!(rebuilt["differed"], serde_json::json!([]));
        }
        for (id, north) in &pages[0] {
            assert_eq!(Some(north), pages[1].get(id), "the two sides differ");
        }
        assert_eq!(pages[0].len(), pages[1].len());
        let said = std::mem::take(&mut self.acknowledged.lock().unwrap().statements);
        let titles: BTreeSet<_> = pages[0].values().map(|r| r["title"].as_str().unwrap()).collect();
        assert_eq!(titles.len(), pages[0].len(), "one act became two requests");
        let mut of: BTreeMap<String, Vec<(usize, u64, &str)>> = BTreeMap::new();
        for ((side, index), (request, kind)) in &said {
            of.entry(request.clone()).or_default().push((*side, *index, kind));
        }
        for (request, acts) in of {
            let shown = self.ask(0, &Question::Request { id: request.clone() }).await;
            let shown = shown.unwrap_or_else(|| panic!("{request} was acknowledged and is lost"));
            for (side, index, kind) in acts {
                let there = shown["statements"].as_array().unwrap().iter().any(|statement| {
                    statement["author"] == SIDES[side]
                        && statement["index"] == index
                        && statement["kind"] == kind
                });
                assert!(there, "{kind} of {} at {index} was acknowledged and is lost", SIDES[side]);
            }
        }
        self.audit();
        eprintln!("{} acknowledged acts, all there", said.len());
        self.acknowledged.lock().unwrap().statements = said;
    }

    /// Audits both ledgers over HTTP, as an outsider does.
    fn audit(&self) {
        let urls = [0, 1].map(|side| {
            let ledgers = self.run(side, &["--json", "ledger", "show"]);
            let ledgers: Value = serde_json::from_str(&ledgers).unwrap();
            let own =
                ledgers.as_array().unwrap().iter().find(|ledger| ledger["mine"] == true).unwrap();
            format!("http://127.0.0.1:{}/ledger/{}", self.web[side], own["id"].as_str().unwrap())
        });
        let (policy, terms) = (self.path("northland.policy"), self.path("terms.toml"));
        let policy = if std::fs::read_to_string(&policy).unwrap().matches("\nlog ").count() < 2 {
            // Made before the other ledger was known: once more.
            self.write("both.policy", &self.run(0, &["ledger", "policy"]));
            self.path("both.policy")
        } else {
            policy
        };
        let audit = ["ledger", "audit", &urls[0], &urls[1], "--policy", &policy, "--terms", &terms];
        let audited = comity(&audit, &[]);
        let said = String::from_utf8_lossy(&audited.stdout).into_owned();
        let error = String::from_utf8_lossy(&audited.stderr).into_owned();
        assert_eq!(audited.status.code(), Some(0), "{said}{error}");
    }
}

/// People at work, by the folders of the two nodes.
pub(crate) struct Crowd([Vec<PathBuf>; 2]);

impl Crowd {
    /// People who ask, and acknowledge what was asked, until `enough`.
    pub(crate) async fn crowd(
        self: Arc<Self>,
        seed: u64,
        enough: Arc<AtomicBool>,
        acknowledged: Arc<Mutex<Acknowledged>>,
    ) {
        let mut random = Random(seed);
        let mut known: [Vec<String>; 2] = Default::default();
        let mut number = 0;
        while !enough.load(Ordering::Acquire) {
            let side = random.below(2);
            let other = known[1 - side].len();
            let (request, act, kind) = if other > 0 && random.below(3) == 0 {
                let request = known[1 - side].swap_remove(random.below(other));
                let text = "in hand".to_owned();
                (Some(request), Act::Acknowledge(Remark { text }), "request.acknowledge/1")
            } else {
                number += 1;
                (None, ask(&format!("request {seed} {number}")), "request.send/1")
            };
            match self.state(side, request.clone(), act).await {
                Some(Ok((request, index))) => {
                    if kind == "request.send/1" {
                        known[side].push(request.clone());
                    }
                    let mut said = acknowledged.lock().unwrap();
                    let before = said.statements.insert((side, index), (request, kind));
                    assert!(before.is_none(), "two acts have one place: {before:?}");
                }
                Some(Err(problem)) => {
                    // Not there yet, most often: the other side's request has not arrived.
                    known[1 - side].extend(request);
                    *acknowledged.lock().unwrap().refused.entry(problem).or_default() += 1;
                }
                // The node went while it was asked: it may be done, and may not.
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// States an act; `None` where the node went while it was asked.
    async fn state(
        &self,
        side: usize,
        request: Option<String>,
        act: Act,
    ) -> Option<Result<(String, u64), String>> {
        let terms = request.is_none().then(|| "comity-model".to_owned());
        let question =
            Question::State { terms, request, command: Box::new(act), who: None, anyway: true };
        for folder in &self.0[side] {
            let asked = tokio::time::timeout(REST, control::ask(folder, &question)).await;
            match asked.expect("a node answers") {
                Ok(Some(Reply::Is(value))) => {
                    let request = value["request"].as_str().unwrap().to_owned();
                    return Some(Ok((request, value["index"].as_u64().unwrap())));
                }
                Ok(Some(Reply::Not(problem, _))) => return Some(Err(problem)),
                Ok(None) => {}
                Err(_) => return None,
            }
        }
        Some(Err("nobody serves".to_owned()))
    }
}

pub(crate) fn comity(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn ask(title: &str) -> Act {
    let item = Item {
        kind: "information".into(),
        ask: "who?".into(),
        identifiers: vec![],
        infrastructure: None,
    };
    Act::Send {
        class: Some("U1-urgent".into()),
        exercise: true,
        ask: Ask {
            title: title.to_owned(),
            facts: "what happened".to_owned(),
            legal_basis: String::new(),
            purpose: String::new(),
            urgency_reason: String::new(),
            marking: Tlp::Amber,
            contact: String::new(),
            items: vec![item],
            attachments: vec![],
            data_category: None,
            dual_criminality: String::new(),
            reciprocity: String::new(),
            follows: None,
            language: String::new(),
            translation: None,
        },
    }
}

/// A small generator: the same seed gives the same story, as far as the machine's own timing lets it.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or(0)
    }
}

/// A number from the environment, for the full runs of `bench/`.
pub(crate) fn count(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|count| count.parse().ok()).unwrap_or(otherwise)
}
