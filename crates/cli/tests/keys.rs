//! What an operator does about keys, from the command line: new ones, and the end of an agreement whose
//! ledger nobody can sign any more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use std::time::Duration;

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
    ground.rest().await;
    let last = ground.send(0, "under the next agreement").await;
    ground.rest().await;
    let there = ground.ask(1, &Question::Request { id: last }).await.unwrap();
    assert_eq!(there["title"], "under the next agreement");
    let more = comity(&[&data[..], &["request", "close", &before]].concat(), &[]);
    assert!(said(&more).contains("closed: later terms"), "{}", said(&more));
    let doctor = comity(&[&data[..], &["doctor"]].concat(), &[]);
    assert_eq!(doctor.status.code(), Some(0), "{}", said(&doctor));

    // Both find an hour too short, and change that and nothing else.
    let text = ground.run(0, &["agreement", "show", "comity-model", "--toml"]);
    assert!(text.contains("acknowledge = \"PT4H\""), "{text}");
    let (edited, amended) = (ground.path("edited.toml"), ground.path("amended.toml"));
    std::fs::write(&edited, text.replace("acknowledge = \"PT4H\"", "acknowledge = \"PT6H\""))
        .unwrap();
    ground.rest().await;
    let amend = ["agreement", "amend", "comity-model", "--with", &edited, "--output", &amended];
    let changes = ground.run(1, &amend);
    assert!(changes.contains("acknowledge: PT4H  =>  PT6H"), "{changes}");
    assert_eq!(changes.matches("acknowledge").count(), 1, "{changes}");
    for (side, party) in ground::SIDES.into_iter().enumerate() {
        let root = ground.path(&format!("{party}/root.key"));
        ground.run(side, &["agreement", "sign", &amended, "--root-key", &root]);
        let policy = ground.run(side, &["ledger", "policy"]);
        std::fs::write(ground.path(&format!("{party}.policy")), policy).unwrap();
    }
    ground.harbour.take().unwrap().kill();
    ground.start_witness();
    ground.rest().await;
    ground.send(0, "under the amended agreement").await;
    ground.rest().await;
    assert!(ground.run(1, &["agreement", "show", "comity-model"]).contains("PT6H"));
}

/// What `doctor` says of a folder, once it has these words in it.
async fn until_doctor_says(folder: &str, words: &str) -> String {
    let mut last = String::new();
    for _ in 0..300 {
        last = said(&comity(&["--data", folder, "doctor"], &[]));
        if last.contains(words) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("doctor does not say {words:?}: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_the_last_keys_comes_back_with_them_or_ends_the_agreement() {
    let mut ground = Ground::new(false);
    ground.rest().await;
    let (north, old) = (ground.path("northland"), ground.path("northland.old"));
    let backup = ground.path("north.backup");
    ground.run(0, &["backup", &backup]);
    ground.nodes[0].take().unwrap().kill();
    ground.run(0, &["card", "rotate"]);
    ground.start_node(0);
    ground.rest().await;
    let sent = ground.send(0, "under the second keys").await;
    ground.rest().await;
    ground.nodes[0].take().unwrap().kill();
    std::fs::rename(&north, &old).unwrap();
    ground.run(0, &["restore", &backup]);

    // With the keys as they were last it is as if nothing had happened.
    let kept = ground.path("northland.restored");
    let copy = |from: &str, to: &str| {
        let copied = std::process::Command::new("cp").args(["-aT", from, to]).status().unwrap();
        assert!(copied.success());
    };
    copy(&north, &kept);
    copy(&format!("{old}/keys"), &format!("{north}/keys"));
    copy(&format!("{old}/card"), &format!("{north}/card"));
    ground.start_node(0);
    ground.rest().await;
    assert!(ground.ask(0, &Question::Request { id: sent }).await.is_some());
    ground.send(0, "after the restore").await;
    ground.rest().await;
    until_doctor_says(&north, "Nothing found.").await;

    // Without them the peer does not know this node any more, and the node says so.
    ground.nodes[0].take().unwrap().kill();
    std::fs::remove_dir_all(&north).unwrap();
    copy(&kept, &north);
    ground.start_node(0);
    until_doctor_says(&north, "southland does not take this node's certificate").await;
    ground.nodes[0].take().unwrap().kill();
    let (root, card) = (format!("{old}/root.key"), ground.path("north.card"));
    for (edition, status) in [("1", 2), ("5000", 2), ("3", 0)] {
        let rotate = ["card", "rotate", "--edition", edition, "--root-key", &root];
        let rotated = comity(&[&["--data", north.as_str()][..], &rotate].concat(), &[]);
        assert_eq!(rotated.status.code(), Some(status), "{}", said(&rotated));
    }
    std::fs::write(&card, ground.run(0, &["card", "show"])).unwrap();
    ground.run(1, &["peer", "add", &card]);
    ground.start_node(0);
    // It has all that was stated again, and no key to state more.
    let doctor = until_doctor_says(&north, "the keys of this folder are of edition 3").await;
    assert!(!doctor.contains("put back from a backup and is not reconciled"), "{doctor}");
    let next = ground.path("next.toml");
    ground.run(1, &["agreement", "succeed", "comity-model", "--why", "lost", "--output", &next]);
    for (side, root) in [root, ground.path("southland/root.key")].iter().enumerate() {
        ground.run(side, &["agreement", "sign", &next, "--root-key", root]);
    }
    let policies: Vec<_> = (0..2).map(|side| ground.run(side, &["ledger", "policy"])).collect();
    for (party, policy) in ground::SIDES.into_iter().zip(policies) {
        std::fs::write(ground.path(&format!("{party}.policy")), policy).unwrap();
    }
    ground.harbour.take().unwrap().kill();
    ground.start_witness();
    // Each has the other's signature before anything is sent under them.
    ground.rest().await;
    let last = ground.send(0, "under the third keys").await;
    ground.rest().await;
    assert!(ground.ask(1, &Question::Request { id: last }).await.is_some());
    until_doctor_says(&north, "Nothing found.").await;
}
