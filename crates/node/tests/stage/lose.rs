//! What is lost on its way.

use std::time::Duration;

use comity_node::Node;

/// What a node stated at this place of its ledger does not go with its statement: the other side cannot open it.
pub(crate) async fn lose(node: &Node, terms: &str, index: u64) {
    let own = node.own_ledger(&node.agreement(terms).unwrap()).await.unwrap();
    let store = rusqlite::Connection::open(node.home().folder().join("store.db")).unwrap();
    store.busy_timeout(Duration::from_secs(10)).unwrap();
    let place = (&own.id, i64::try_from(index).unwrap());
    let gone = store.execute("DELETE FROM content WHERE ledger = ?1 AND idx = ?2", place);
    assert_eq!(gone.unwrap(), 1);
}
