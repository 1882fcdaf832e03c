//! A node that serves TAXII, and what a tool asks of it.

#![allow(dead_code, reason = "each test uses some of it")]

use std::sync::Arc;

use comity_node::Node;
use comity_node::clock::Adjustable;
use comity_node::http::{Connection, Reply};
use comity_node::intel::{Grant, Import};
use comity_node::network::{Network as _, Tcp};
use comity_node::{serve, taxii};
use comity_stix::marking::{Clearance, Pap, Tlp};
use comity_store::intel::collection::Collection;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stage;

pub(crate) const MEDIA: &str = "application/taxii+json;version=2.1";

pub(crate) struct Stand {
    pub(crate) node: Arc<Node>,
    pub(crate) clock: Arc<Adjustable>,
    pub(crate) port: u16,
    pub(crate) collection: Collection,
    _folder: tempfile::TempDir,
}

impl Stand {
    pub(crate) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = stage::home(folder.path(), "northland", "127.0.0.1:1").await;
        let clock = Arc::new(Adjustable::new(stage::start()));
        let node = stage::open(&home, clock.clone(), Arc::new(Tcp)).await;
        let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
        let port = listener.port();
        tokio::spawn(serve::plain(listener, taxii::router(Arc::clone(&node))));
        let collection = node.add_collection("alerts", "Alerts", "", Tlp::Green).await.unwrap();
        Self { node, clock, port, collection, _folder: folder }
    }

    pub(crate) async fn key(&self, tlp: Tlp, read: bool, write: bool) -> String {
        let grants = [Grant { collection: self.collection.id.clone(), read, write }];
        let clearance = Clearance { tlp, pap: Pap::Red };
        self.node.give_tool("tool", clearance, &grants, "", 1).await.unwrap()
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/taxii2/intelligence/collections/{}/{rest}", self.collection.id)
    }

    pub(crate) async fn send(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> (u16, Value) {
        let stream = Tcp.connect(&format!("127.0.0.1:{}", self.port)).await.unwrap();
        let mut connection = Connection::begin(stream, "localhost").await.unwrap();
        connection.authorization = (!key.is_empty()).then(|| format!("Bearer {key}"));
        connection.media = MEDIA;
        let body = body.as_bytes().to_vec();
        let Reply { status, body, .. } =
            connection.send(method, path, body, 1 << 24).await.unwrap();
        let value: Value = serde_json::from_slice(&body).unwrap();
        if status >= 400 {
            assert_eq!(value["http_status"], status.to_string(), "{value}");
            assert!(value["title"].is_string(), "{value}");
        }
        (status, value)
    }

    pub(crate) async fn get(&self, key: &str, rest: &str) -> Value {
        let (status, value) = self.send(key, Method::GET, &self.path(rest), "").await;
        assert_eq!(status, 200, "{rest}: {value}");
        value
    }

    pub(crate) async fn add(&self, key: &str, objects: &[Value]) -> Value {
        let body = json!({ "objects": objects }).to_string();
        let (status, value) = self.send(key, Method::POST, &self.path("objects/"), &body).await;
        assert_eq!(status, 202, "{value}");
        value
    }

    /// Names of objects that a request gives.
    pub(crate) async fn names(&self, key: &str, rest: &str) -> Vec<String> {
        let value = self.get(key, rest).await;
        let objects = value["objects"].as_array().cloned().unwrap_or_default();
        objects.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    /// A request and its answer, word by word.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// What a person brings in, with the label of what has none of its own.
pub(crate) fn brought(value: &Value, marking: Tlp, collection: Option<Collection>) -> Import {
    Import {
        bytes: value.to_string().into_bytes().into(),
        who: "analyst".to_owned(),
        through: "import",
        source: "test".to_owned(),
        remote: String::new(),
        marking,
        collection,
        key: String::new(),
        returns: false,
        reader: None,
        reads: true,
    }
}

pub(crate) fn malware(number: usize, version: usize, name: &str, marking: Option<Tlp>) -> Value {
    let mut value = json!({
        "type": "malware", "spec_version": "2.1", "is_family": false, "name": name,
        "id": format!("malware--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z",
        "modified": format!("2026-01-{version:02}T00:00:00.000Z"),
    });
    if let Some(marking) = marking {
        value["object_marking_refs"] = json!([marking.id()]);
    }
    value
}
