//! mitmproxy on the line between two nodes: nothing passes, the node says why, and when the line is
//! free again everything arrives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use std::process::Command;
use std::time::{Duration, Instant};

use comity_node::control::Question;
use ground::{Ground, Process, comity, port};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(60);

/// A line that passes on what it gets, until it is cut.
async fn line(from: u16, to: u16) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", from)).await.unwrap();
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                if let Ok(mut to) = TcpStream::connect(("127.0.0.1", to)).await {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut to).await;
                }
            });
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_read_carries_nothing_and_the_node_says_so() {
    let mut ground = Ground::new(false);
    // What Northland takes for Southland's address is the line; Southland listens behind it.
    ground.nodes[1].take().unwrap().kill();
    let (named, behind) = (ground.port_of(1, "exchange"), port());
    let folder = ground.folders[1][0].clone();
    Ground::settle_at(&folder, ground.port_of(1, "web"), behind, ground.port_of(1, "admin"));
    let log = folder.join("log");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_comity"));
    serve.arg("--data").arg(&folder).arg("serve").env("RUST_LOG", "warn");
    ground.nodes[1] = Some(Process::logged(&mut serve, &log));
    let free = line(named, behind).await;
    ground.rest().await;

    free.abort();
    let _ = free.await;
    let flows = ground.path("flows");
    let mut read = Command::new("mitmdump");
    read.args([
        "--listen-host",
        "127.0.0.1",
        "--listen-port",
        &named.to_string(),
        "--ssl-insecure",
    ]);
    read.args(["--mode", &format!("reverse:https://127.0.0.1:{behind}"), "--save-stream-file"]);
    read.args([&flows, "--set", &format!("confdir={}", ground.path("mitmproxy"))]);
    let said = ground.folder.path().join("mitmproxy.log");
    let reader = Process::logged(&mut read, &said);
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", named)).await.is_err() {
        assert!(begin.elapsed() < PATIENCE, "mitmdump: {:?}", std::fs::read_to_string(&said));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let north = ground.path("northland");
    let sent = ground.send(0, "turbine 4711").await;
    let begin = Instant::now();
    let doctor = loop {
        let doctor = comity(&["--data", &north, "doctor"], &[]);
        let text = String::from_utf8(doctor.stdout).unwrap();
        if text.contains("intercepted") {
            assert_eq!(doctor.status.code(), Some(1));
            break text;
        }
        assert!(begin.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(doctor.contains("does not have southland's certificate"), "{doctor}");
    let there = ground.ask(1, &Question::Request { id: sent.clone() }).await;
    assert!(there.is_none(), "it went through: {there:?}");
    let flows = std::fs::read(&flows).unwrap_or_default();
    let secret = |bytes: &[u8]| bytes.windows(12).any(|part| part == b"turbine 4711");
    assert!(
        !secret(&flows) && !flows.windows(9).any(|part| part == b"/exchange"),
        "it read a request"
    );
    // Southland met somebody who is not Northland, and turned them away.
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("a stranger on the exchange"), "{log}");

    drop(reader);
    let begin = Instant::now();
    let _free = loop {
        // Its port may be a moment in coming free.
        if TcpListener::bind(("127.0.0.1", named)).await.is_ok() {
            break line(named, behind).await;
        }
        assert!(begin.elapsed() < PATIENCE, "the port does not come free");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    ground.rest().await;
    let there = ground.ask(1, &Question::Request { id: sent }).await.unwrap();
    assert_eq!(there["title"], "turbine 4711");
    let doctor = comity(&["--data", &north, "doctor"], &[]);
    assert_eq!(doctor.status.code(), Some(0), "{}", String::from_utf8_lossy(&doctor.stdout));
}
