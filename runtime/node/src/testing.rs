//! A node for tests that look into it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dag_log::OsStorage;
use dag_storage_faults::Failing;
use tempfile::TempDir;

use crate::node::{Config, Node};

/// A node with a stream `x` whose segments are of 64 KiB, over storage that fails as it is told.
pub(crate) async fn node(data: &TempDir) -> (Node, Failing) {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: data.path().to_owned(),
        workers: 1,
        linger: Duration::ZERO,
        snapshots: None,
        limits: Default::default(),
        computation_memory: 512 << 20,
        disk_reserve: 0,
        requests: Default::default(),
        builder: dag_wasm::Builder::Here,
        component_disk: Default::default(),
        instances: None,
        backup_dirs: Vec::new(),
    };
    let failing = Failing::over(Arc::new(OsStorage));
    let storage = Arc::new(failing.clone());
    let open = tokio::task::spawn_blocking(move || Node::open_over(config, storage));
    let (node, _) = open.await.unwrap().unwrap();
    let settings = serde_json::json!({
        "name": "x", "schema": [{"name": "text", "type": "utf8"}], "time": {"column": "time"}, "retention": {"bytes": 1}
    });
    node.create_stream(serde_json::from_value(settings).unwrap()).unwrap();
    (node, failing)
}
