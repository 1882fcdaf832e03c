//! Two nodes of one party on one PostgreSQL database: one writes, the other stands by and takes its
//! place when it is killed or hangs. Nothing acknowledged is lost, and there is one history.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use comity_node::control::{self, Question};
use ground::{Ground, Process, Random, count, port};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How long a standby may take: the holder's silence, and what a slow machine adds.
const TAKEOVER: Duration = Duration::from_secs(60);

/// Where the nodes of a pair listen.
#[derive(Clone, Copy)]
struct Ports {
    exchange: u16,
    admin: u16,
}

/// The one name of the pair: passes each connection on to the node that says it is ready.
async fn one_name(listener: TcpListener, nodes: [Ports; 2]) {
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            for node in nodes {
                if health(node.admin).await.contains(" 200 ")
                    && let Ok(mut to) = TcpStream::connect(("127.0.0.1", node.exchange)).await
                {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    return;
                }
            }
        });
    }
}

/// What a node says of itself; nothing where it says nothing soon.
async fn health(admin: u16) -> String {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", admin)).await.ok()?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    };
    tokio::time::timeout(Duration::from_secs(1), ask).await.ok().flatten().unwrap_or_default()
}

/// Waits until the node of this folder is the one that writes.
async fn writes(folder: &Path) {
    let begin = Instant::now();
    loop {
        let asked = control::ask(folder, &Question::Examine);
        if let Ok(Ok(Some(_))) = tokio::time::timeout(Duration::from_secs(2), asked).await {
            return;
        }
        assert!(begin.elapsed() < TAKEOVER, "{} does not take over", folder.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives a folder's node addresses of its own behind the one name.
fn settle_at(folder: &Path, web: u16) -> Ports {
    let ports = Ports { exchange: port(), admin: port() };
    Ground::settle_at(folder, web, ports.exchange, ports.admin);
    ports
}

/// Copies a node's folder: its keys, its card, the name of its database.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, target) = (file.file_type().unwrap(), to.join(file.file_name()));
        if kind.is_dir() {
            copy(&file.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}

/// A ground on PostgreSQL whose second side has two folders behind one name; none of them is served yet.
async fn two_folders() -> Option<(Ground, [PathBuf; 2])> {
    let mut ground = Ground::new(true);
    ground.postgres.as_ref()?;
    ground.rest().await;
    ground.nodes[1].take().unwrap().kill();
    let folders = [0, 1].map(|n| ground.folder.path().join(["southland", "second"][n]));
    copy(&folders[0], &folders[1]);
    let (web, exchange) = (ground.port_of(1, "web"), ground.port_of(1, "exchange"));
    let nodes = [settle_at(&folders[0], web), settle_at(&folders[1], port())];
    let listener = TcpListener::bind(("127.0.0.1", exchange)).await.unwrap();
    tokio::spawn(one_name(listener, nodes));
    ground.folders[1] = folders.to_vec();
    Some((ground, folders))
}

/// Waits until a node ends by itself, because another writes in its place.
async fn ends(node: &mut Process) {
    let begin = Instant::now();
    let code = loop {
        if let Some(code) = node.ended() {
            break code;
        }
        assert!(begin.elapsed() < TAKEOVER, "a writer that was replaced goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(code, Some(3), "it says that it could not go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_and_there_is_one_history() {
    let (kills, seed) = (count("COMITY_TAKEOVERS", 6), count("COMITY_SEED", 1) as u64);
    let Some((ground, folders)) = two_folders().await else { return };
    let mut pair: [Option<Process>; 2] = [Some(ground.serve(&folders[0])), None];
    writes(&folders[0]).await;
    pair[1] = Some(ground.serve(&folders[1]));

    let enough = Arc::new(AtomicBool::new(false));
    let people: Vec<_> = (0..3)
        .map(|n| {
            let (enough, said) = (Arc::clone(&enough), Arc::clone(&ground.acknowledged));
            tokio::spawn(ground.listener().crowd(seed + n, enough, said))
        })
        .collect();
    let mut random = Random(seed);
    let mut writer = 0;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.below(1500) as u64)).await;
        pair[writer].take().unwrap().kill();
        writes(&folders[1 - writer]).await;
        pair[writer] = Some(ground.serve(&folders[writer]));
        writer = 1 - writer;
    }
    // What hangs is replaced too, and knows it when it wakes: it ends, and a new one stands by.
    let mut hung = pair[writer].take().unwrap();
    hung.signal("-STOP");
    writes(&folders[1 - writer]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    hung.signal("-CONT");
    ends(&mut hung).await;
    writer = 1 - writer;
    enough.store(true, Ordering::Release);
    for person in people {
        person.await.unwrap();
    }
    // The folder that the rest of the ground knows is the one that serves in the end.
    if writer == 1 {
        pair[1].take().unwrap().kill();
        pair[0] = Some(ground.serve(&folders[0]));
        writes(&folders[0]).await;
    } else {
        pair[1] = None;
    }
    ground.check().await;
    let statements = ground.acknowledged.lock().unwrap().statements.len();
    assert!(statements > kills, "people were at work: {statements}");
    eprintln!("{kills} takeovers after kill -9 and one after a hang, {statements} acts");
}

/// A line that goes quiet once it is cut: what was sent is lost, and neither end is told.
async fn line(listener: TcpListener, to: u16, cut: Arc<AtomicBool>) {
    loop {
        let (from, _) = listener.accept().await.unwrap();
        let cut = Arc::clone(&cut);
        tokio::spawn(async move {
            let to = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let ((mut from_read, mut from_write), (mut to_read, mut to_write)) =
                (from.into_split(), to.into_split());
            let back = Arc::clone(&cut);
            let there =
                tokio::spawn(async move { pass(&mut from_read, &mut to_write, &cut).await });
            pass(&mut to_read, &mut from_write, &back).await;
            there.abort();
        });
    }
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    cut: &AtomicBool,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        while cut.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_line_to_the_database_is_cut_is_replaced_and_ends() {
    let Some((ground, folders)) = two_folders().await else { return };
    let direct = ground.postgres.as_ref().unwrap().url();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("postgres://comity@{}/postgres", listener.local_addr().unwrap());
    let server = direct.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let cut = Arc::new(AtomicBool::new(false));
    tokio::spawn(line(listener, server, Arc::clone(&cut)));
    let database = folders[0].join("database");
    let before = std::fs::read_to_string(&database).unwrap();
    std::fs::write(&database, before.replace(&direct, &through)).unwrap();
    let mut writer = ground.serve(&folders[0]);
    writes(&folders[0]).await;
    let standby = ground.serve(&folders[1]);
    ground.send(0, "before the cut").await;
    ground.rest().await;
    cut.store(true, Ordering::Release);
    writes(&folders[1]).await;
    ground.send(0, "after the cut").await;
    // Once the line is there again the one that was replaced learns it.
    cut.store(false, Ordering::Release);
    ends(&mut writer).await;
    ground.rest().await;
    standby.kill();
    std::fs::write(&database, before).unwrap();
    let _again = ground.serve(&folders[0]);
    writes(&folders[0]).await;
    ground.check().await;
}

/// What a command says in the folder of a node that stands by.
#[tokio::test(flavor = "multi_thread")]
async fn who_stands_by_says_for_whom() {
    let ground = Ground::new(true);
    if ground.postgres.is_none() {
        return;
    }
    ground.rest().await;
    let second: PathBuf = ground.folder.path().join("second");
    copy(&ground.folders[1][0], &second);
    let ports = settle_at(&second, port());
    let asked = ground::comity(&["--data", &second.display().to_string(), "rebuild"], &[]);
    let error = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!(asked.status.code(), Some(3), "{error}");
    assert!(error.contains("another node writes to this database: comity "), "{error}");
    let _standby = ground.serve(&second);
    let begin = Instant::now();
    while !health(ports.admin).await.contains("standby") {
        assert!(begin.elapsed() < TAKEOVER, "it does not stand by");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
