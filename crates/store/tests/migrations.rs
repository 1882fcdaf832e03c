//! Stores of every earlier schema are brought up to the present one, with nothing lost: the views that
//! were written then are those that a rebuild makes now. `fixtures/make.py` made the fixtures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;

use comity_ledger::seal::{self, Identity};
use comity_rules::ThreadId;
use comity_rules::content::Letter;
use comity_rules::matter::{Mark, Signal};
use comity_store::backup::{self, Reading};
use comity_store::work::Opener;
use comity_store::{Db, Error, ledger, migrate, rebuild, request};
use refinery::Target;
use serde_json::Value;

mod steps {
    refinery::embed_migrations!("migrations");
}

/// Every fixture, by its version.
fn fixtures() -> Vec<(i32, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let fixture: Value =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            found.push((i32::try_from(fixture["version"].as_i64().unwrap()).unwrap(), fixture));
        }
    }
    found.sort_by_key(|fixture| fixture.0);
    assert!(!found.is_empty());
    found
}

/// The rows of a fixture as SQL, bytes written as this database writes them.
fn inserts(fixture: &Value, bytes: impl Fn(&str) -> String) -> String {
    let mut sql = String::new();
    for (table, content) in fixture["tables"].as_object().unwrap() {
        let columns: Vec<_> =
            content["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        for row in content["rows"].as_array().unwrap() {
            let values = row.as_array().unwrap().iter().map(|value| match value {
                Value::Null => "NULL".to_owned(),
                Value::Number(number) => number.to_string(),
                Value::String(text) => format!("'{}'", text.replace('\'', "''")),
                other => bytes(other["hex"].as_str().unwrap()),
            });
            let values: Vec<_> = values.collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            sql.push_str(&format!("INSERT INTO {table} ({columns}) VALUES ({values});\n"));
        }
    }
    sql
}

fn opener(fixture: &Value) -> Opener {
    let identity = Identity::parse(fixture["age"].as_str().unwrap()).unwrap();
    Arc::new(move |kind, ciphertext, sealed| {
        let content = seal::open(ciphertext, sealed, &identity).map_err(|error| error.code())?;
        Letter::read(kind, &content).map_err(|_| "not-understood")
    })
}

/// What a migrated store must have: all that the fixture had.
async fn is_whole(db: &Db, fixture: &Value) {
    let rebuilt = rebuild(db, opener(fixture)).await.unwrap();
    assert!(rebuilt.differed.is_empty(), "{:?}", rebuilt.differed);
    let rows = |table: &str| fixture["tables"][table]["rows"].as_array().unwrap().len();
    assert_eq!(rebuilt.entries, rows("leaf") as u64);
    let requests = request::list(db, false, None, 10).await.unwrap();
    assert_eq!(requests.len(), rows("request"));
    let (mut contents, mut letters) = (0, 0);
    for known in ledger::list(db).await.unwrap() {
        for index in 0..known.size {
            contents +=
                usize::from(ledger::ciphertext(db, &known.id, index).await.unwrap().is_some());
        }
    }
    for found in &requests {
        assert_eq!(found.title, "An address that reached a turbine");
        let statements = request::statements(db, found.request.thread).await.unwrap();
        letters += statements.iter().filter(|statement| statement.kept.is_some()).count();
    }
    assert_eq!(contents, rows("sealed"));
    assert_eq!(letters, contents);
}

#[tokio::test]
async fn every_earlier_schema_is_brought_up_on_sqlite() {
    for (version, fixture) in fixtures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut connection = rusqlite::Connection::open(&path).unwrap();
        let runner = steps::migrations::runner().set_target(Target::Version(version));
        runner.run(&mut connection).unwrap();
        connection.execute_batch(&inserts(&fixture, |hex| format!("X'{hex}'"))).unwrap();
        let refused = Db::sqlite(&path).await.err().expect("an older store is not opened");
        assert!(matches!(refused, Error::Older { found, .. } if found == version), "{refused}");
        let migrated = Db::migrate_sqlite(&path).await.unwrap();
        assert_eq!((migrated.from, migrated.to), (version, migrate::latest()));
        is_whole(&Db::sqlite(&path).await.unwrap(), &fixture).await;
        let again = Db::migrate_sqlite(&path).await.unwrap();
        assert_eq!(again.from, again.to);
    }
}

#[tokio::test]
async fn every_earlier_schema_is_brought_up_on_postgresql() {
    let url = std::env::var("COMITY_TEST_POSTGRES").expect(
        "COMITY_TEST_POSTGRES names no server: run ./test, or set it to `none` to leave these out",
    );
    if url == "none" {
        eprintln!("skipped: COMITY_TEST_POSTGRES is none");
        return;
    }
    for (version, fixture) in fixtures() {
        let connect = async |url: &str| {
            let (client, connection) =
                tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        };
        let random = comity_ledger::hex::encode(&comity_ledger::random::<8>().unwrap());
        let name = format!("m{random}");
        connect(&url).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
        let mut client = connect(&url).await;
        let runner = steps::migrations::runner().set_target(Target::Version(version));
        runner.run_async(&mut client).await.unwrap();
        client.batch_execute(&inserts(&fixture, |hex| format!("'\\x{hex}'"))).await.unwrap();
        assert!(matches!(Db::postgres(&url).await, Err(Error::Older { .. })));
        Db::migrate_postgres(&url).await.unwrap();
        is_whole(&Db::postgres(&url).await.unwrap(), &fixture).await;
    }
}

#[tokio::test]
async fn a_backup_of_an_earlier_schema_is_brought_back_and_up() {
    for (version, fixture) in fixtures() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old.db", "new.db"].map(|name| folder.path().join(name));
        let mut connection = rusqlite::Connection::open(&old).unwrap();
        let runner = steps::migrations::runner().set_target(Target::Version(version));
        runner.run(&mut connection).unwrap();
        connection.execute_batch(&inserts(&fixture, |hex| format!("X'{hex}'"))).unwrap();
        let mut reading = Reading::begin(&Db::raw_sqlite(&old).unwrap()).await.unwrap();
        assert_eq!(reading.schema, version);
        let target = Db::raw_sqlite(&new).unwrap();
        backup::prepare(&target, version).await.unwrap();
        while let Some(part) = reading.next().await.unwrap() {
            backup::put(&target, &part).await.unwrap();
        }
        migrate::run(&target).await.unwrap();
        // Views are not in a backup: they are made the first time, and the second is no different.
        rebuild(&target, opener(&fixture)).await.unwrap();
        is_whole(&Db::sqlite(&new).await.unwrap(), &fixture).await;
        assert!(backup::prepare(&target, version).await.is_err(), "into an empty store only");
    }
}

#[tokio::test]
async fn every_table_is_in_a_backup_or_left_out_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Db::sqlite(&path).await.unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut sql =
        connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables = sql.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let views = [
        "statement",
        "request",
        "matter",
        "limit_of",
        "proof_of",
        "owed",
        "intel_ref",
        "intel_text",
    ];
    let others = ["session", "refinery_schema_history"];
    // FTS5 keeps its index in tables of its own.
    let left_out = |table: &str| {
        views.contains(&table) || others.contains(&table) || table.starts_with("intel_text_")
    };
    for table in tables.map(Result::unwrap) {
        assert!(backup::covers(&table) != left_out(&table), "{table}");
    }
}

#[tokio::test]
async fn a_migration_that_was_cut_short_goes_on() {
    let (version, fixture) = fixtures().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut connection = rusqlite::Connection::open(&path).unwrap();
    let to = |version| steps::migrations::runner().set_target(Target::Version(version));
    to(version).run(&mut connection).unwrap();
    connection.execute_batch(&inserts(&fixture, |hex| format!("X'{hex}'"))).unwrap();
    // Cut after the tables were added: contents have not moved, and what they move from is there.
    to(3).run(&mut connection).unwrap();
    assert!(matches!(Db::sqlite(&path).await, Err(Error::Older { found: 3, .. })));
    Db::migrate_sqlite(&path).await.unwrap();
    is_whole(&Db::sqlite(&path).await.unwrap(), &fixture).await;
}

/// What a thread of the hotline sends is read off what was kept of it.
#[tokio::test]
async fn the_signals_of_earlier_threads_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut connection = rusqlite::Connection::open(&path).unwrap();
    let to = |version| steps::migrations::runner().set_target(Target::Version(version));
    to(12).run(&mut connection).unwrap();
    for (seq, signal) in (1_i64..).zip(Signal::ALL) {
        let about = (*signal == Signal::Ping).then_some(ThreadId([7; 16]));
        let mark = serde_json::to_string(&Mark::Signal(*signal, about)).unwrap();
        let state = format!("{{\"opened\":[{{\"mark\":{mark}}}]}}");
        let sql =
            "INSERT INTO matter (thread, seq, terms, topic, opener, exercise, title, over, state)
            VALUES ($1, $2, '', 'hotline', '', 0, '', 0, $3)";
        connection.execute(sql, (signal.as_str(), seq, state)).unwrap();
    }
    Db::migrate_sqlite(&path).await.unwrap();
    let mut sql = connection.prepare("SELECT thread, signal FROM matter").unwrap();
    let rows = sql.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert!(rows.len() == 5 && rows.iter().all(|(thread, signal)| thread == signal), "{rows:?}");
}

#[tokio::test]
async fn a_store_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Db::sqlite(&path).await.unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    connection.execute_batch(sql).unwrap();
    assert!(matches!(Db::sqlite(&path).await, Err(Error::Newer { found: 99, .. })));
    assert!(matches!(Db::migrate_sqlite(&path).await, Err(Error::Newer { found: 99, .. })));
}
