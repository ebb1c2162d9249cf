//! A node for tests that look into it.

use std::sync::Arc;

use dag_log::OsStorage;
use dag_storage_faults::Failing;
use tempfile::TempDir;

use crate::config::Config;
use crate::node::Node;

/// A node with a stream `x` whose segments are of 64 KiB, over storage that fails as it is told.
pub(crate) async fn node(data: &TempDir) -> (Node, Failing) {
    let config = Config::private(data.path(), 1);
    let failing = Failing::over(Arc::new(OsStorage));
    let storage = Arc::new(failing.clone());
    let open = tokio::task::spawn_blocking(move || Node::open_over(config, storage));
    let (node, _) = open.await.unwrap().unwrap();
    let settings = serde_json::json!({
        "name": "x", "schema": [{"name": "text", "type": "utf8"}], "time": {"column": "time"}, "retention": {"bytes": 1}
    });
    node.streams.create_now(serde_json::from_value(settings).unwrap(), false).unwrap();
    (node, failing)
}
