//! One suite, run on SQLite and on PostgreSQL: the same SQL must do the same on both.
//!
//! PostgreSQL is the server at `COMITY_TEST_POSTGRES`, which the test command starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

#[path = "../../rules/tests/party/mod.rs"]
mod party;

use std::sync::Arc;

use comity_ledger::note::Note;
use comity_ledger::{Checkpoint, cosignature};
use comity_rules::command::Command;
use comity_rules::content::{Ask, Letter, Remark};
use comity_rules::thread::View;
use comity_rules::{Draft, Kind};
use comity_stix::marking::{Audience, Clearance, Pap, Tlp};
use comity_store::backup::{self, Reading};
use comity_store::intel::collection::{self, Collection};
use comity_store::intel::feed::{self, Filter, Versions};
use comity_store::intel::intake::{Intake, New, Origin};
use comity_store::intel::pushed::{self, Owed};
use comity_store::intel::search::{self, Query};
use comity_store::intel::{self, Gone};
use comity_store::work::{Opener, Work};
use comity_store::{Db, Error, Value, agreement, evidence, journal, ledger, rebuild, request};
use jiff::Timestamp;
use party::{Party, ask, pair, pair_under};

/// Runs a suite on both; says so where one is not there.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(comity_store::Db::sqlite(&folder.path().join("test.db")).await.unwrap()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(db) = super::fresh_postgres().await {
                    super::$name(db).await;
                }
            })*
        }
    };
}

on_both!(
    values_come_back_as_they_went_in,
    placeholders_go_by_number,
    what_is_not_committed_never_was,
    what_is_committed_is_on_disk_when_it_says_so,
    requests_and_ledgers_are_projected,
    a_title_is_one_short_line_whoever_wrote_it,
    a_thread_is_of_its_own_agreement,
    a_rebuild_gives_equal_rows_and_mends_what_was_changed,
    the_earliest_proof_counts_in_whatever_order_they_come,
    heads_that_contradict_each_other_are_found_before_their_entries_come,
    a_head_keeps_the_lines_that_others_added_meanwhile,
    two_writers_do_not_lose_each_others_entries,
    intelligence_is_kept_found_and_read_in_order,
    the_journal_is_a_tree,
    evidence_is_bounded,
    a_backup_has_parts_of_bounded_size_and_comes_back,
);

/// A database of its own on the test server; none where the tests are to do without.
async fn fresh_postgres() -> Option<Db> {
    let url = std::env::var("COMITY_TEST_POSTGRES").expect(
        "COMITY_TEST_POSTGRES names no server: run ./test, or set it to `none` to leave these out",
    );
    if url == "none" {
        eprintln!("skipped: COMITY_TEST_POSTGRES is none");
        return None;
    }
    let name = format!("t{}", comity_ledger::hex::encode(&comity_ledger::random::<8>().unwrap()));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    Some(Db::postgres(&format!("{server}/{name}")).await.unwrap())
}

async fn values_come_back_as_they_went_in(db: Db) {
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE v (i BIGINT, t TEXT, b BYTEA)", &[]).await.unwrap();
    let rows = [
        [Value::Int(i64::MIN), "".into(), Value::Blob(vec![])],
        [Value::Int(i64::MAX), "漢字 ' \" \\ \u{1f600}".into(), vec![0_u8, 255, 0].into()],
        [Value::Null, Value::Null, Value::Null],
    ];
    for row in &rows {
        let changed = tx.execute("INSERT INTO v (i, t, b) VALUES ($1, $2, $3)", row).await.unwrap();
        assert_eq!(changed, 1);
    }
    tx.commit().await.unwrap();
    let found = db.query("SELECT i, t, b FROM v ORDER BY i IS NULL, i", &[]).await.unwrap();
    assert_eq!(found[0].int(0).unwrap(), i64::MIN);
    assert_eq!(found[0].blob(2).unwrap(), b"");
    assert_eq!(found[1].text(1).unwrap(), "漢字 ' \" \\ \u{1f600}");
    assert_eq!(found[1].blob(2).unwrap(), [0, 255, 0]);
    assert!((0..3).all(|column| found[2].is_null(column)));
    assert!(found[0].count(0).is_err(), "a size is never negative");
    assert!(found[0].text(0).is_err(), "an integer is no text");
}

async fn placeholders_go_by_number(db: Db) {
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE p (a BIGINT, b BIGINT)", &[]).await.unwrap();
    let sql = "INSERT INTO p (b, a) VALUES ($2, $1)";
    tx.execute(sql, &[Value::Int(1), Value::Int(2)]).await.unwrap();
    let wanted = [Value::Int(1), Value::Int(2)];
    let row = tx.query_one("SELECT a, b FROM p WHERE b = $2 AND a = $1", &wanted).await;
    let row = row.unwrap().unwrap();
    assert_eq!((row.int(0).unwrap(), row.int(1).unwrap()), (1, 2));
    assert!(tx.execute("INSERT INTO p (a, b) VALUES ($1, $2)", &[Value::Int(1)]).await.is_err());
}

async fn what_is_not_committed_never_was(db: Db) {
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')", &[]).await.unwrap();
    drop(tx);
    let found = comity_store::session::setting(&db, "a").await.unwrap();
    assert_eq!(found, None);
    comity_store::session::set(&db, "a", "c").await.unwrap();
    comity_store::session::set(&db, "a", "d").await.unwrap();
    assert_eq!(comity_store::session::setting(&db, "a").await.unwrap().as_deref(), Some("d"));
}

/// The one durability promise that this code has to make for itself is how it opens the database.
async fn what_is_committed_is_on_disk_when_it_says_so(db: Db) {
    let ask = |sql: &'static str| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            tx.query_one(sql, &[]).await.map(|row| row.unwrap().value(0))
        }
    };
    match ask("PRAGMA synchronous").await {
        // FULL: the write-ahead log is synced before a commit returns.
        Ok(full) => {
            assert_eq!(full, Value::Int(2));
            assert_eq!(ask("PRAGMA journal_mode").await.unwrap(), Value::Text("wal".to_owned()));
        }
        Err(_) => {
            let on = Value::Text("on".to_owned());
            assert_eq!(ask("SHOW synchronous_commit").await.unwrap(), on);
        }
    }
}

/// Nothing in these tests is sealed.
fn opener() -> Opener {
    Arc::new(|_, _, _| Err("undecryptable"))
}

/// A short case between two parties in memory, as South's node sees it: in which order entries of
/// North (true) and its own came.
fn case() -> ([Party; 2], Vec<bool>) {
    let [mut north, mut south] = pair();
    let command =
        Command::Send { class: Some("U1-urgent".into()), exercise: true, ask: ask(&["who?"]) };
    let thread = north.command(None, command).unwrap();
    let remark = || Remark { text: "x".into() };
    let mut order = vec![false];
    for entry in north.entries.clone() {
        south.arrive(&entry).unwrap();
        order.push(true);
    }
    south.verify();
    south.pay();
    south.command(Some(thread), Command::Acknowledge(remark())).unwrap();
    south.command(Some(thread), Command::Clarify(remark())).unwrap();
    order.extend([false; 3]);
    for entry in &south.entries {
        north.arrive(entry).unwrap();
    }
    north.verify();
    north.pay();
    north.command(Some(thread), Command::Clarify(remark())).unwrap();
    for entry in north.entries.clone().iter().skip(2) {
        south.arrive(entry).unwrap();
        order.push(true);
    }
    ([north, south], order)
}

/// South's node, with both ledgers begun: South's own, and North's.
async fn ledgers(db: &Db, [north, south]: &[Party; 2]) -> (String, String) {
    let mut work = Work::begin(db, opener()).await.unwrap();
    let (north_key, south_key) = (north.ledger.verifier(), south.ledger.verifier());
    work.create(&south.terms, &south.id, &north.id, south_key, true).await.unwrap();
    work.create(&south.terms, &north.id, &south.id, north_key, false).await.unwrap();
    work.commit().await.unwrap();
    (ledger::id_of(south_key.name()), ledger::id_of(north_key.name()))
}

/// The same, with everything of the case taken in.
async fn take_case(db: &Db) -> ([Party; 2], String, String) {
    let (parties, order) = case();
    let (own, theirs) = ledgers(db, &parties).await;
    let [north, south] = parties;
    let (mut mine, mut others) = (south.entries.iter(), north.entries.iter());
    for (count, north_next) in order.into_iter().enumerate() {
        // Some entries in transactions of their own, some together.
        let mut work = Work::begin(db, opener()).await.unwrap();
        let (id, entry) = if north_next { (&theirs, others.next()) } else { (&own, mine.next()) };
        let taken = work.take(id, entry.unwrap(), None).await.unwrap();
        assert_eq!(taken.refused, None, "entry {count}");
        work.commit().await.unwrap();
    }
    let mut work = Work::begin(db, opener()).await.unwrap();
    for (id, party, time) in [(&theirs, &north, 1_773_000_000), (&own, &south, 1_773_000_060)] {
        let (size, root) = work.root(id).await.unwrap();
        assert_eq!(root, party.tiles.root(size).unwrap());
        let head = Checkpoint::new(party.ledger.name(), size, root);
        let mut note: Note = head.sign(&party.ledger).unwrap();
        let harbour = party::key("harbour.example", comity_ledger::Algorithm::CosignatureV1, 90);
        note.add(cosignature::cosign(&harbour, note.text(), time).unwrap());
        work.head(id, &head, &note.to_string()).await.unwrap();
        let time = Timestamp::from_second(i64::try_from(time).unwrap()).unwrap();
        assert!(work.witnessed(id, size, &note.to_string(), time).await.unwrap());
        assert!(
            !work.witnessed(id, size, &note.to_string(), time).await.unwrap(),
            "once is enough"
        );
        work.mirrored(id, size, time).await.unwrap();
    }
    work.commit().await.unwrap();
    ([north, south], own, theirs)
}

async fn requests_and_ledgers_are_projected(db: Db) {
    let ([north, south], own, theirs) = take_case(&db).await;
    let rows = request::list(&db, true, None, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    let stored = &rows[0].request;
    // The store has the times too; but for those it is the state that the parties have.
    let mut bare = stored.clone();
    for event in bare.asked.iter_mut().chain(&mut bare.answered) {
        assert!(event.witnessed.is_some() && event.mirrored.is_some());
        (event.witnessed, event.mirrored) = (None, None);
        if let Some(receipt) = &mut event.receipt {
            receipt.witnessed = None;
        }
        if let Some(shown) = &mut event.shown {
            shown.witnessed = None;
        }
    }
    let expected = &south.requests[&stored.thread];
    assert_eq!(bare.standing(View::ALL), expected.standing(View::ALL));
    assert_eq!(&bare, expected);
    let copy = ledger::show(&db, &theirs).await.unwrap();
    assert_eq!((copy.size, copy.verified, copy.witnessed), (4, 4, 4));
    assert_eq!(copy.channel.next, 4);
    assert_eq!(ledger::entries(&db, &theirs, 1, 3).await.unwrap(), north.entries[1..3]);
    let tiles = ledger::tiles(&db, &own, &comity_ledger::tile::edge(3)).await.unwrap();
    assert_eq!(tiles.root(3), south.tiles.root(3), "earlier roots come out of later tiles");
    assert_eq!(
        ledger::history(&db, &own, 2).await.unwrap().unwrap().size,
        south.entries.len() as u64
    );
    assert!(matches!(ledger::show(&db, "none").await, Err(Error::Missing { .. })));
    let prefix = &stored.thread.to_string()[..6];
    assert_eq!(request::find(&db, prefix).await.unwrap(), [stored.thread]);
    assert!(agreement::list(&db).await.unwrap().is_empty());
}

/// What is stated under one agreement and names a thread of another gives that thread no times.
async fn a_thread_is_of_its_own_agreement(db: Db) {
    let day = |day: i64| Timestamp::from_second(day * 24 * 3600).unwrap();
    let (parties, _) = case();
    let (_, theirs) = ledgers(&db, &parties).await;
    let [north, _] = parties;
    let thread = *north.requests.keys().next().unwrap();
    let mut others = pair_under(day(1), "other.example");
    let (_, elsewhere) = ledgers(&db, &others).await;
    for _ in 0..3 {
        let draft = Draft { thread, ..others[0].draft(Kind::Escalate, vec![]) };
        others[0].state(draft).unwrap();
    }
    let mut work = Work::begin(&db, opener()).await.unwrap();
    for entry in &north.entries[..2] {
        assert_eq!(work.take(&theirs, entry, None).await.unwrap().refused, None);
    }
    for entry in &others[0].entries {
        work.take(&elsewhere, entry, None).await.unwrap();
    }
    let (size, root) = work.root(&elsewhere).await.unwrap();
    assert_eq!(size, 4);
    let note =
        Checkpoint::new(others[0].ledger.name(), size, root).sign(&others[0].ledger).unwrap();
    assert!(work.witnessed(&elsewhere, size, &note.to_string(), day(2)).await.unwrap());
    work.commit().await.unwrap();
    let found = request::list(&db, true, None, 10).await.unwrap();
    assert_eq!((found.len(), found[0].request.asked[0].witnessed), (1, None));
    assert_eq!(request::statements(&db, thread).await.unwrap().len(), 1);
    assert_eq!(rebuild(&db, opener()).await.unwrap().differed, [""; 0]);
}

/// The other side's node need not hold its people to what ours does.
async fn a_title_is_one_short_line_whoever_wrote_it(db: Db) {
    let (parties, _) = case();
    let (_, theirs) = ledgers(&db, &parties).await;
    let title = format!("Urgent\n\u{202e}{}", "x".repeat(100_000));
    let letter = Letter::Ask(Ask { title, ..ask(&["who?"]) });
    let mut work = Work::begin(&db, opener()).await.unwrap();
    work.take(&theirs, &parties[0].entries[0], None).await.unwrap();
    let taken = work.take(&theirs, &parties[0].entries[1], Some(letter)).await.unwrap();
    assert_eq!(taken.refused, None);
    work.commit().await.unwrap();
    let shown = &request::list(&db, true, None, 10).await.unwrap()[0].title;
    assert!(shown.starts_with("Urgent\u{fffd}\u{fffd}xx") && shown.chars().count() == 200);
}

async fn a_rebuild_gives_equal_rows_and_mends_what_was_changed(db: Db) {
    take_case(&db).await;
    let rebuilt = rebuild(&db, opener()).await.unwrap();
    assert_eq!((rebuilt.entries, rebuilt.differed), (8, vec![]));
    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE request SET status = 'answered', state = '{}'", &[]).await.unwrap();
    tx.execute("DELETE FROM proof_of", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let rebuilt = rebuild(&db, opener()).await.unwrap();
    assert_eq!(rebuilt.differed, ["request", "proof_of"]);
    assert_eq!(rebuild(&db, opener()).await.unwrap().differed, [""; 0]);
    assert_eq!(request::list(&db, true, None, 10).await.unwrap().len(), 1);
}

/// Of proofs in any order the earliest counts, for every entry that it covers, and a rebuild from
/// what was kept says the same.
async fn the_earliest_proof_counts_in_whatever_order_they_come(db: Db) {
    let at = |second: i64| Timestamp::from_second(1_773_000_000 + second).unwrap();
    let orders: [[(u64, i64); 4]; 3] = [
        [(2, 10), (3, 30), (3, 20), (4, 25)],
        [(4, 25), (3, 20), (3, 30), (2, 10)],
        [(3, 30), (4, 25), (2, 10), (3, 20)],
    ];
    let (_, own, _) = take_case(&db).await;
    for order in orders {
        for table in ["history", "news"] {
            let sql = format!("DELETE FROM {table}");
            let mut tx = db.begin().await.unwrap();
            tx.execute(&sql, &[]).await.unwrap();
            tx.commit().await.unwrap();
        }
        rebuild(&db, opener()).await.unwrap();
        let mut work = Work::begin(&db, opener()).await.unwrap();
        for (size, second) in order {
            work.witnessed(&own, size, "note", at(second)).await.unwrap();
        }
        work.commit().await.unwrap();
        let mut known = Vec::new();
        for size in 1..=5 {
            let proof = ledger::history(&db, &own, size).await.unwrap();
            known.push(proof.map(|proof| proof.time));
        }
        let expected = [Some(at(10)), Some(at(10)), Some(at(20)), Some(at(25)), None];
        assert_eq!(known, expected, "{order:?}");
        let request = &request::list(&db, true, None, 10).await.unwrap()[0].request;
        let witnessed: Vec<_> = request.answered.iter().map(|e| (e.index, e.witnessed)).collect();
        assert_eq!(witnessed, [(2, Some(at(20))), (3, Some(at(25)))], "{order:?}");
        assert_eq!(rebuild(&db, opener()).await.unwrap().differed, [""; 0]);
    }
}

async fn heads_that_contradict_each_other_are_found_before_their_entries_come(db: Db) {
    let ([_, south], own, _) = take_case(&db).await;
    let head = |size, root: &[u8]| {
        Checkpoint::new(south.ledger.verifier().name(), size, comity_ledger::Hash::of(root))
    };
    let mut work = Work::begin(&db, opener()).await.unwrap();
    assert_eq!(work.promised(&own, &head(9, b"a"), "first").await.unwrap(), Ok(()));
    assert_eq!(work.promised(&own, &head(9, b"a"), "again").await.unwrap(), Ok(()));
    let contradiction = work.promised(&own, &head(9, b"b"), "second").await.unwrap();
    assert_eq!(contradiction, Err("first".to_owned()));
    assert_eq!(work.due_promises(&own).await.unwrap(), []);
    for size in 0..200 {
        assert_eq!(work.promised(&own, &head(100 + size, b"c"), "note").await.unwrap(), Ok(()));
    }
    let count = work.tx.query_one("SELECT COUNT(*) FROM promise", &[]).await.unwrap();
    assert_eq!(count.unwrap().int(0).unwrap(), 64, "and they are bounded");
    for _ in 0..5 {
        work.take(&own, b"garbage", None).await.unwrap();
    }
    assert_eq!(work.due_promises(&own).await.unwrap(), [], "no signed head says so yet");
    let (size, root) = work.root(&own).await.unwrap();
    let signed = Checkpoint::new(south.ledger.verifier().name(), size, root);
    work.head(&own, &signed, "signed").await.unwrap();
    let due = work.due_promises(&own).await.unwrap();
    assert_eq!(due, [(9, comity_ledger::Hash::of(b"a"), "first".to_owned())]);
    assert_eq!(work.due_promises(&own).await.unwrap(), [], "once");
}

/// Two that read the same head and each bring a line of their own: both lines stay, and of one name
/// the line that came last.
async fn a_head_keeps_the_lines_that_others_added_meanwhile(db: Db) {
    let (_, own, _) = take_case(&db).await;
    let head = ledger::head(&db, &own, None).await.unwrap().unwrap();
    let known = Note::parse(head.note.as_bytes()).unwrap();
    let brought = [("mirror.example", 1), ("witness.example", 2), ("mirror.example", 3)];
    for (name, time) in brought {
        let key = party::key(name, comity_ledger::Algorithm::CosignatureV1, 91);
        let mut note = Note::new(known.text().to_owned()).unwrap();
        note.add(cosignature::cosign(&key, note.text(), time).unwrap());
        let mut work = Work::begin(&db, opener()).await.unwrap();
        work.cosign(&own, head.size, &note).await.unwrap();
        work.commit().await.unwrap();
    }
    let head = ledger::head(&db, &own, None).await.unwrap().unwrap();
    let note = Note::parse(head.note.as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), known.signatures().len() + 2);
    let mirror = party::key("mirror.example", comity_ledger::Algorithm::CosignatureV1, 91);
    assert_eq!(cosignature::verify(&note, mirror.verifier()).unwrap(), Some(3));
}

async fn two_writers_do_not_lose_each_others_entries(db: Db) {
    let (_, own, _) = take_case(&db).await;
    let before = ledger::show(&db, &own).await.unwrap().size;
    let writers = (0..8).map(|_| {
        let (db, own) = (db.clone(), own.clone());
        tokio::spawn(async move {
            let mut work = Work::begin(&db, opener()).await.unwrap();
            // Garbage keeps its place in the ledger and has no effect.
            work.take(&own, b"garbage", None).await.unwrap();
            work.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let after = ledger::show(&db, &own).await.unwrap();
    assert_eq!(after.size, before + 8);
    assert_eq!(ledger::entries(&db, &own, 0, 100).await.unwrap().len() as u64, after.size);
}

async fn the_journal_is_a_tree(db: Db) {
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(journal::root(&db).await.unwrap(), (0, comity_ledger::Hash::EMPTY));
    let mut roots = Vec::new();
    for act in ["see", "export", "see"] {
        journal::note(&db, at, "officer", act, "request").await.unwrap();
        roots.push(journal::root(&db).await.unwrap());
    }
    assert_eq!(roots.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(roots[0].1 != roots[1].1 && roots[1].1 != roots[2].1);
}

async fn evidence_is_bounded(db: Db) {
    let at = Timestamp::UNIX_EPOCH;
    evidence::keep(&db, at, "l", "fork", "two roots", &vec![7; 100_000]).await.unwrap();
    let kept = evidence::list(&db).await.unwrap();
    assert_eq!((kept.len(), kept[0].bytes.len()), (1, 65_536));
    assert_eq!((kept[0].code.as_str(), kept[0].detail.as_str()), ("fork", "two roots"));
}

async fn a_backup_has_parts_of_bounded_size_and_comes_back(db: Db) {
    const LONG: usize = 700_000;
    let insert = "INSERT INTO content (ledger, idx, ciphertext) VALUES ($1, $2, $3)";
    let mut tx = db.begin().await.unwrap();
    for index in 0..24_i64 {
        let ciphertext = vec![u8::try_from(index).unwrap(); LONG];
        let row = ["northland".into(), Value::Int(index), ciphertext.into()];
        tx.execute(insert, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = Db::raw_sqlite(&folder.path().join("restored.db")).unwrap();
    let size = |value: &Value| if let Value::Blob(bytes) = value { bytes.len() } else { 0 };
    let mut reading = Reading::begin(&db).await.unwrap();
    backup::prepare(&other, reading.schema).await.unwrap();
    while let Some(part) = reading.next().await.unwrap() {
        let bytes: usize = part.rows.iter().flatten().map(size).sum();
        assert!(bytes <= 4 * 1024 * 1024 + LONG, "{} has a part of {bytes}", part.table);
        backup::put(&other, &part).await.unwrap();
    }
    let select = "SELECT ledger, idx, ciphertext FROM content ORDER BY idx";
    let (before, after) =
        (db.query(select, &[]).await.unwrap(), other.query(select, &[]).await.unwrap());
    assert_eq!(before.len(), 24);
    assert_eq!(before, after);
}

async fn intelligence_is_kept_found_and_read_in_order(db: Db) {
    let green = Audience::of(Tlp::Green, Pap::Clear);
    let red = Audience::of(Tlp::Red, Pap::Clear);
    let (reader, all) = (clearance(Tlp::Green), clearance(Tlp::Red));
    let made = Collection {
        num: 0,
        id: "00000000-0000-4000-8000-000000000001".to_owned(),
        alias: "feed".to_owned(),
        title: "Feed".to_owned(),
        description: String::new(),
        marking: "TLP:GREEN".to_owned(),
        latest: 0,
        late: false,
    };
    collection::add(&db, &made).await.unwrap();
    assert!(matches!(collection::add(&db, &made).await, Err(Error::Refused(_))));
    let feed_of = collection::find(&db, "feed").await.unwrap().unwrap().num;
    let before = db.intel_changes();
    let mut intake = Intake::begin(&db, || 1_000_000).await.unwrap();
    let origin = Origin {
        who: "a",
        key: "",
        through: "import",
        source: "f",
        remote: "",
        marking: "TLP:GREEN",
    };
    let batch = intake.batch(origin).await.unwrap();
    let mut places = Vec::new();
    // The second version of one came first, and some are for few.
    for (id, version, seen, words) in [
        ("indicator--1", 2, green, "sink hole value_1"),
        ("indicator--1", 1, green, "hole 网络"),
        ("indicator--1", 3, red, "secret"),
        ("malware--2", 1, red, "sink secret"),
        ("malware--3", 1, green, "sink"),
    ] {
        let kind = id.split("--").next().unwrap();
        let seen = (seen, seen);
        let (spec, body, targets) = ("2.1", format!("{id} {version}"), [7]);
        let (body, targets) = (body.as_bytes(), &targets[..]);
        let is_only = !places.iter().any(|(_, other)| *other == id);
        let new = New { id, kind, version, spec, batch, seen, body, targets, is_only };
        let num = intake.insert(new, words.to_owned()).await.unwrap();
        if id == "indicator--1" {
            assert!(intake.admit(feed_of, (num, id)).await.unwrap());
        }
        places.push((num, id));
    }
    // Some are there already, and of one there is nothing here.
    places.push((9, "malware--9"));
    intake.admit_all(feed_of, &places).await.unwrap();
    assert!(!intake.admit(feed_of, places[4]).await.unwrap());
    intake.commit().await.unwrap();
    assert!(db.intel_changes() > before);
    let everything = Filter::of_all_versions();
    let last = Filter {
        versions: Versions { last: true, ..Versions::default() },
        specs: Vec::new(),
        ..everything.clone()
    };
    let first =
        Filter { versions: Versions { first: true, ..Versions::default() }, ..last.clone() };
    let bodies = async |reader, filter: &Filter, limit| {
        let page = feed::bodies(&db, feed_of, reader, filter, (limit, 1 << 20)).await.unwrap();
        let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
        let bodies: Vec<String> = page.members.into_iter().map(|one| text(one.1.body)).collect();
        (bodies.join(", "), page.more)
    };
    let is = |text: &str, more| (text.to_owned(), more);
    assert_eq!(
        bodies(reader, &everything, 9).await,
        is("indicator--1 2, indicator--1 1, malware--3 1", false)
    );
    assert_eq!(bodies(reader, &last, 9).await, is("indicator--1 2, malware--3 1", false));
    assert_eq!(bodies(reader, &last, 1).await, is("indicator--1 2", true));
    assert_eq!(
        bodies(all, &last, 9).await,
        is("malware--3 1, indicator--1 3, malware--2 1", false)
    );
    assert_eq!(
        bodies(all, &first, 9).await,
        is("indicator--1 1, malware--3 1, malware--2 1", false)
    );
    let kinds = Filter { kinds: vec!["malware".to_owned()], ..last.clone() };
    assert_eq!(bodies(reader, &kinds, 9).await, is("malware--3 1", false));
    let ids = Filter { ids: vec!["indicator--1".to_owned()], ..everything.clone() };
    assert_eq!(bodies(reader, &ids, 9).await, is("indicator--1 2, indicator--1 1", false));
    // Later than the first of them: of the rest the first version is the last.
    let after = Filter { after: Some(1_000_000), ..last.clone() };
    assert_eq!(bodies(reader, &after, 9).await, is("indicator--1 1, malware--3 1", false));
    let at = Versions { at: vec![1], ..Versions::default() };
    let at = Filter { versions: at, ..last.clone() };
    assert_eq!(bodies(reader, &at, 9).await, is("indicator--1 1, malware--3 1", false));
    let seen = feed::audiences(&db, feed_of).await.unwrap();
    let heads = feed::heads(&db, (feed_of, &seen), reader, &last, 9).await.unwrap();
    assert_eq!(heads.members[1].1.id, "malware--3");
    // By words, the latest first.
    let token = |text: &str| Query::Token(text.to_owned());
    let found = async |query: &Query| {
        let nums = search::find(&db, query, None, 9).await.unwrap();
        let found = intel::objects(&db, &nums).await.unwrap();
        found.iter().map(|one| format!("{} {}", one.id, one.version)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(found(&token("sink")).await, "malware--3 1, malware--2 1, indicator--1 2");
    let but = Query::All(vec![token("sink")], vec![token("secret")]);
    assert_eq!(found(&but).await, "malware--3 1, indicator--1 2");
    let any = Query::Any(vec![token("value_1"), Query::Prefix("网".to_owned())]);
    assert_eq!(found(&any).await, "indicator--1 1, indicator--1 2");
    // Shown to more, it is added now; to fewer, it is not.
    let mut intake = Intake::begin(&db, || 2_000_000).await.unwrap();
    assert_eq!(Vec::from_iter(intake.referring(&[7]).await.unwrap()), [1, 2, 3, 4, 5]);
    let third = intake.object(3).await.unwrap();
    intake.show_to(&third, (green, green)).await.unwrap();
    let fifth = intake.object(5).await.unwrap();
    intake.show_to(&fifth, (red, red)).await.unwrap();
    intake.reword(4, "other".to_owned());
    intake.commit().await.unwrap();
    assert_eq!(bodies(reader, &last, 9).await, is("indicator--1 3", false));
    let later = Filter { after: Some(1_500_000), ..last.clone() };
    assert_eq!(bodies(reader, &later, 9).await, is("indicator--1 3", false));
    assert_eq!(found(&token("other")).await, "malware--2 1");
    // Taken out of the collection, and deleted.
    let mut intake = Intake::begin(&db, || 3_000_000).await.unwrap();
    intake.take_out((feed_of, "indicator--1"), &[3], Audience::NOBODY).await.unwrap();
    assert_eq!(intake.delete("malware--2", "a").await.unwrap(), 1);
    let gone = Gone { key: String::new(), audience: Audience::NOBODY };
    assert_eq!(intake.gone("malware--2").await.unwrap(), Some(gone));
    intake.commit().await.unwrap();
    assert_eq!(bodies(all, &last, 9).await, is("indicator--1 2, malware--3 1", false));
    assert!(pushed::owed(&db, "there").await.unwrap().is_empty());
    let mut intake = Intake::begin(&db, || 3_000_000).await.unwrap();
    for id in ["malware--2", "malware--3"] {
        intake.pushed("there", id).await.unwrap();
    }
    intake.commit().await.unwrap();
    let owed = |id: &str, times| Owed { id: id.to_owned(), times };
    assert_eq!(pushed::owed(&db, "there").await.unwrap(), [owed("malware--2", 1)]);
    // What comes back, and is pushed, before it is deleted there is owed still.
    let mut intake = Intake::begin(&db, || 3_000_000).await.unwrap();
    assert_eq!(intake.delete("malware--3", "a").await.unwrap(), 1);
    for (version, remote, is_owed) in [
        (Some(1), "", true),
        (None, "there", true),
        (Some(1), "elsewhere", false),
        (Some(2), "", false),
    ] {
        assert_eq!(intake.is_owed("malware--3", version, remote).await.unwrap(), is_owed);
    }
    intake.forgive("malware--3").await.unwrap();
    intake.pushed("there", "malware--3").await.unwrap();
    intake.commit().await.unwrap();
    let both = [owed("malware--2", 1), owed("malware--3", 1)];
    assert_eq!(pushed::owed(&db, "there").await.unwrap(), both);
    let mut intake = Intake::begin(&db, || 3_000_000).await.unwrap();
    // What is said again meanwhile is owed still.
    intake.paid("there", &owed("malware--3", 2)).await.unwrap();
    intake.paid("there", &owed("malware--2", 1)).await.unwrap();
    intake.commit().await.unwrap();
    assert_eq!(pushed::owed(&db, "there").await.unwrap(), [owed("malware--3", 1)]);
    let mut intake = Intake::begin(&db, || 3_000_000).await.unwrap();
    intake.paid("there", &owed("malware--3", 1)).await.unwrap();
    intake.commit().await.unwrap();
    assert!(pushed::owed(&db, "there").await.unwrap().is_empty());
    assert_eq!(intel::audience_of(&db, "malware--2").await.unwrap(), Some(Audience::NOBODY));
    assert_eq!(intel::audience_of(&db, "malware--9").await.unwrap(), None);
    assert_eq!(found(&token("other")).await, "");
    // What is put back from a backup is the same.
    let mut reading = Reading::begin(&db).await.unwrap();
    let mut rows = 0;
    while let Some(part) = reading.next().await.unwrap() {
        rows += if part.table.starts_with("intel_") { part.rows.len() } else { 0 };
    }
    assert_eq!(rows, 1 + 3 + 1 + 1 + 2, "batch, objects, what is gone, collection, members");
}

fn clearance(tlp: Tlp) -> Clearance {
    Clearance { tlp, pap: Pap::Red }
}
