//! A node that is killed and started again, on the same data and at the same address.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use super::Point;
use crate::http::Http;
use crate::node::data_folder;
use crate::process::{Finished, Process};
use crate::{binary, wait};

/// A node, or the data that one has left.
#[derive(Debug)]
pub struct MortalNode {
    // Dropped in this order: no process writes to a folder that is gone.
    process: Option<Process>,
    data: TempDir,
    address: SocketAddr,
}

impl MortalNode {
    /// No node yet, but where its data will lie and where it will listen.
    ///
    /// # Panics
    /// If there is no address.
    pub fn new() -> MortalNode {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        MortalNode { process: None, data: data_folder(), address: free.expect("an address can be had") }
    }

    /// Starts it, to be killed at that pass of that point. It may be dead before it listens.
    ///
    /// # Panics
    /// If it lives already.
    pub fn start(&mut self, kill: Option<(Point, u64)>, arguments: &[&str]) {
        assert!(self.process.is_none(), "one node at a time");
        let mut command = binary::command(&["serve", "--listen", &self.address.to_string(), "--workers", "2"]);
        command.arg("--data").arg(self.data.path()).args(arguments);
        if let Some((point, pass)) = kill {
            command.env("DAG_FAULT_KILL", format!("{}:{pass}", point.order()));
            if pass % 2 == 0 {
                // What was written and not synced is gone, too.
                command.env("DAG_FAULT_POWER", "kill");
            }
        }
        let process = Process::start(command);
        process.listens(&self.url());
        self.process = Some(process);
    }

    /// Whether it is dead.
    pub fn is_dead(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| !process.is_running())
    }

    /// Kills it from outside, whatever it does.
    pub fn kill(&mut self) {
        if let Some(process) = &self.process {
            process.signal(Signal::KILL);
        }
    }

    /// Waits until it is dead, and returns what it left.
    ///
    /// # Panics
    /// If it ended in any other way than by being killed: refusing what a crash has left, for one.
    #[track_caller]
    pub fn bury(&mut self) -> Finished {
        let finished = self.process.take().expect("it was started").ended();
        assert_eq!(finished.code, None, "the node ended by itself: {}", finished.stderr);
        finished
    }

    /// Waits until it listens.
    ///
    /// # Panics
    /// If that does not come.
    #[track_caller]
    pub fn until_listening(&mut self) {
        let line = self.process.as_mut().expect("it was started").line().text;
        assert!(line.starts_with("listening on "), "expected an address, found `{line}`");
    }

    /// Stops it as Ctrl-C does.
    #[track_caller]
    pub fn stop(&mut self) -> Finished {
        let mut process = self.process.take().expect("it was started");
        process.signal(Signal::INT);
        process.ended()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it, whichever incarnation of the process answers.
    pub fn http(&self) -> Http {
        Http::new(&self.url())
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Waits until it is dead, for as long as what it is given to do goes on.
    #[track_caller]
    pub(super) fn until_dead(&mut self, what: &str, done: impl Fn() -> u64) {
        wait::while_it_moves(what, || if self.is_dead() { Ok(()) } else { Err(done()) });
    }
}

impl Default for MortalNode {
    fn default() -> MortalNode {
        MortalNode::new()
    }
}
