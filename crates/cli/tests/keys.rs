//! What an operator does about keys, from the command line: new ones, and the end of an agreement whose
//! ledger nobody can sign any more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use comity_node::control::Question;
use ground::{Ground, comity};

fn said(output: &std::process::Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_keys_and_ends_an_agreement() {
    let mut ground = Ground::new(false);
    ground.rest().await;
    let north = ground.path("northland");
    let data = ["--data", north.as_str()];
    let rotate = [&data[..], &["card", "rotate"]].concat();
    let busy = comity(&rotate, &[]);
    assert_eq!(busy.status.code(), Some(2));
    assert!(said(&busy).contains("stop it, rotate, start it again"), "{}", said(&busy));
    let before = ground.send(0, "under the first keys").await;
    ground.rest().await;

    ground.nodes[0].take().unwrap().kill();
    let rotated = comity(&rotate, &[]);
    assert!(said(&rotated).contains("edition 2"), "{}", said(&rotated));
    ground.start_node(0);
    ground.rest().await;
    let after = ground.send(0, "under the second keys").await;
    ground.rest().await;
    for id in [&before, &after] {
        assert!(ground.ask(1, &Question::Request { id: id.clone() }).await.is_some());
    }
    let doctor = comity(&[&data[..], &["doctor"]].concat(), &[]);
    assert_eq!(doctor.status.code(), Some(0), "{}", said(&doctor));
    let proof = ground.path("after.proof");
    let policy = ground.path("now.policy");
    std::fs::write(&policy, ground.run(0, &["ledger", "policy"])).unwrap();
    ground.run(0, &["ledger", "prove", &after, "-o", &proof]);
    let verified = comity(&["ledger", "verify", &proof, "--policy", &policy], &[]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));

    // The ledger's key is gone: the node says so, and what to do.
    ground.nodes[0].take().unwrap().kill();
    for file in std::fs::read_dir(format!("{north}/keys")).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("ledger-") && name.ends_with(".key") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    ground.start_node(0);
    ground.rest().await;
    let next = ground.path("next.toml");
    let why = ["agreement", "succeed", "comity-model", "--why", "lost", "--output", &next];
    ground.run(1, &why);
    for (side, party) in ground::SIDES.into_iter().enumerate() {
        let root = ground.path(&format!("{party}/root.key"));
        ground.run(side, &["agreement", "sign", &next, "--root-key", &root]);
        let policy = ground.run(side, &["ledger", "policy"]);
        std::fs::write(ground.path(&format!("{party}.policy")), policy).unwrap();
    }
    ground.harbour.take().unwrap().kill();
    ground.start_witness();
    let last = ground.send(0, "under the next agreement").await;
    ground.rest().await;
    let there = ground.ask(1, &Question::Request { id: last }).await.unwrap();
    assert_eq!(there["title"], "under the next agreement");
    let more = comity(&[&data[..], &["request", "close", &before]].concat(), &[]);
    assert!(said(&more).contains("closed: later terms"), "{}", said(&more));
    let doctor = comity(&[&data[..], &["doctor"]].concat(), &[]);
    assert_eq!(doctor.status.code(), Some(0), "{}", said(&doctor));
}
