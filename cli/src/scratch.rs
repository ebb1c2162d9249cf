//! A node of a command's own: in this process, on a free port of the loopback, with data that nobody keeps.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use dag_node::{Bounds, Config};
use tokio::sync::oneshot;

use crate::commands::serve::{DEFAULT_LINGER, DEFAULT_SNAPSHOT_INTERVAL, own_builder};
use crate::folder::Folder;

/// A running node.
pub struct Node {
    /// Where it listens.
    pub address: SocketAddr,
    /// Removed when the node has stopped.
    pub data: Folder,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Node {
    /// Starts a node and waits until it listens. The name of its data's folder begins with `prefix`; `rewrites` is whether
    /// components may come again under their version with other bytes.
    pub fn start(prefix: &str, rewrites: bool) -> anyhow::Result<Node> {
        let data = Folder::new(prefix)?;
        let config = Config {
            rewrites,
            linger: DEFAULT_LINGER,
            snapshots: Some(DEFAULT_SNAPSHOT_INTERVAL),
            builder: own_builder(Bounds::default()),
            ..Config::private(data.path(), thread::available_parallelism().map_or(1, usize::from))
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("node".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            // Both ends live in this process: where one is gone, so is the command.
            let stopped = async move { stopped.await.unwrap_or_default() };
            let announce = move |address| ready.send(address).unwrap_or_default();
            Ok(runtime.block_on(dag_node::serve(config, stopped, announce))?)
        })?;
        match listening.recv() {
            Ok(address) => Ok(Node { address, data, stop, thread }),
            Err(_) => Err(join(thread).err().unwrap_or_else(|| anyhow!("it stopped"))).context("cannot start a node"),
        }
    }

    /// Stops it and removes its data.
    pub fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        join(self.thread)
    }
}

fn join(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    thread.join().map_err(|_| anyhow!("the node's thread panicked"))?
}
