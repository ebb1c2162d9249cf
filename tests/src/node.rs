//! A running node, and the CLI against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::alarm;
use crate::binary;
use crate::http::Http;
use crate::process::{Finished, Process};
use crate::wait::{self, DEADLINE};

/// How a node is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that compute.
    pub workers: usize,
    /// How long a computation outlives its last subscriber.
    pub linger: &'static str,
    /// Further arguments of `dag serve`.
    pub arguments: Vec<String>,
    /// Variables of the node's environment.
    pub environment: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Options {
        Options { workers: 2, linger: "1s", arguments: Vec::new(), environment: Vec::new() }
    }
}

/// A running node. It is killed, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Node {
    // Dropped in this order: no process writes to a folder that is gone.
    process: Process,
    data: TempDir,
    options: Options,
    url: String,
    http: Http,
}

impl Node {
    /// A node with two workers and a short linger, so that a test sees computations go.
    #[track_caller]
    pub fn start() -> Node {
        Node::with(Options::default())
    }

    /// A node started in that way.
    ///
    /// # Panics
    /// If it does not say where it listens.
    #[track_caller]
    pub fn with(options: Options) -> Node {
        Node::on(data_folder(), options)
    }

    /// A node on the data in that folder, which is removed with it; see [`data_folder`].
    ///
    /// # Panics
    /// As [`with`](Node::with).
    #[track_caller]
    pub fn on(data: TempDir, options: Options) -> Node {
        let (process, url) = serve(data.path(), &options, "127.0.0.1:0");
        let http = Http::new(&url);
        Node { process, data, options, url, http }
    }

    /// Stops the node as Ctrl-C does, and starts it again on the same data and at the same address, where clients find it again.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop().code(0);
        self.start_again();
    }

    /// Stops the node as Ctrl-C does, changes what is in its data folder, and starts it again in the same way.
    #[track_caller]
    pub fn restart_after(&mut self, change: impl FnOnce(&Path)) {
        self.stop().code(0);
        change(self.data.path());
        self.start_again();
    }

    /// Kills the node, and starts it again on the same data and at the same address, where clients find it again.
    #[track_caller]
    pub fn crash(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills the node, and takes what is not durable of the files in these folders below its data: what a power cut may leave.
    ///
    /// # Panics
    /// If the node was not started with `DAG_FAULT_POWER=noted`.
    #[track_caller]
    pub fn cut_power(&mut self, folders: &[&str]) {
        self.kill();
        let mut folders: Vec<PathBuf> = folders.iter().map(|folder| self.data.path().join(folder)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("it is listed").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => take_volatile(&path),
                }
            }
        }
        self.start_again();
    }

    /// Kills the node, if nothing else has, and starts it again in that way.
    #[track_caller]
    pub fn crash_into(&mut self, options: Options) {
        self.options = options;
        self.crash();
    }

    /// Starts a node that was stopped in another way, at a free address.
    #[track_caller]
    pub fn again(self, options: Options) -> Node {
        let Node { data, .. } = self;
        Node::on(data, options)
    }

    /// Stops the node as Ctrl-C does.
    #[track_caller]
    pub fn stop(&mut self) -> Finished {
        self.process.signal(Signal::INT);
        self.process.ended()
    }

    /// Kills the node.
    pub fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.ended();
    }

    #[track_caller]
    fn start_again(&mut self) {
        let address = self.url.split("//").nth(1).expect("it is a URL").to_owned();
        (self.process, _) = serve(self.data.path(), &self.options, &address);
    }

    /// Runs a command of the CLI against this node, to its end.
    #[track_caller]
    pub fn dag(&self, arguments: &[&str]) -> Finished {
        self.dag_with_input(arguments, "")
    }

    /// The same, with this on its standard input.
    #[track_caller]
    pub fn dag_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        Process::with_input(self.command(arguments), input.as_bytes()).finish()
    }

    /// Starts a command of the CLI against this node beside the test: a subscriber, a live publisher.
    #[track_caller]
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        Process::start(self.command(arguments))
    }

    /// A command line against this node.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary::command(arguments);
        command.env("DAG_NODE", &self.url);
        command
    }

    /// Makes a source stream; `options` are those of `dag create`.
    #[track_caller]
    pub fn create(&self, name: &str, schema: &str, options: &[&str]) {
        self.dag(&[&["create", name, "--schema", schema], options].concat()).success();
    }

    /// Publishes CSV as `dag publish` of a file does, and returns the summary that `--json` prints; `options` are those of `dag
    /// publish`.
    ///
    /// # Panics
    /// If it fails, or its exit code does not say whether records were refused.
    #[track_caller]
    pub fn publish(&self, stream: &str, csv: &str, options: &[&str]) -> Value {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file can be made");
        fs::write(file.path(), csv).expect("a file can be written");
        let path = file.path().to_str().expect("the name of a temporary file is UTF-8");
        let finished = self.dag(&[&["publish", stream, path, "--json"], options].concat());
        let summary: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.stderr));
        finished.code(if summary["refused"] == 0 { 0 } else { 3 });
        summary
    }

    /// All records of a stream whose inputs are sealed, as CSV.
    #[track_caller]
    pub fn csv(&self, expression: &str) -> String {
        self.dag(&["subscribe", expression, "--from", "earliest", "--format", "csv"]).success()
    }

    /// A client of its HTTP API.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Its URL: `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The answer of `GET /v1/status`, with all computations.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.http.get("status", &[("computations", "100000")]).json()
    }

    /// The streams that are computed now, in any state, sorted.
    #[track_caller]
    pub fn computations(&self) -> Vec<String> {
        let status = self.status();
        let computations = status["computations"].as_array().expect("a status lists computations");
        let mut streams: Vec<_> =
            computations.iter().map(|it| it["stream"].as_str().expect("they have a stream").to_owned()).collect();
        streams.sort();
        streams
    }

    /// Waits until exactly these streams are computed.
    ///
    /// # Panics
    /// If that does not come within `deadline`.
    #[track_caller]
    pub fn until_computing(&self, streams: &[&str], deadline: Duration) {
        wait::until(&format!("{streams:?} are computed"), deadline, || (self.computations() == streams).then_some(()));
    }

    /// Waits until so many subscriptions are open.
    #[track_caller]
    pub fn until_subscribers(&self, count: u64) {
        wait::until(&format!("there are {count} subscribers"), DEADLINE, || {
            (self.status()["subscribers"] == count).then_some(())
        });
    }

    /// What it has said so far: its log, since it was started last.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its resident memory in bytes.
    pub fn rss(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid())).expect("the node runs");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("proc(5): resident");
        pages * rustix::param::page_size() as u64
    }

    /// The most resident memory that it ever had, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the node runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse::<u64>().ok()).expect("proc(5): VmHWM") << 10
    }

    /// The processor time that it has used, of all its threads.
    pub fn cpu_time(&self) -> Duration {
        let ticks = alarm::ticks(self.pid()).expect("the node runs");
        Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
    }
}

/// Takes what is not durable of a file.
fn take_volatile(path: &Path) {
    let file = fs::File::options().write(true).open(path).expect("it is a file");
    let mut text = [0; 20];
    // What was never synced has no attribute.
    let length = rustix::fs::fgetxattr(&file, dag_storage_faults::DURABLE, &mut text[..]).unwrap_or(0);
    let text = std::str::from_utf8(&text[..length]).expect("the node wrote it");
    let durable = text.parse::<u64>().unwrap_or(0);
    let there = file.metadata().expect("it is open").len();
    file.set_len(durable.min(there)).expect("it is writable");
}

/// An empty folder for a node's data, which goes away with it.
pub fn data_folder() -> TempDir {
    tempfile::Builder::new().prefix("dag-tests-").tempdir().expect("a folder for data can be made")
}

/// Starts a node on that data, and waits until it listens.
#[track_caller]
fn serve(data: &Path, options: &Options, listen: &str) -> (Process, String) {
    let mut command = binary::command(&["serve", "--listen", listen, "--linger", options.linger]);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    command.arg("--data").arg(data).args(["--workers", &options.workers.to_string()]);
    if !options.arguments.iter().any(|argument| argument == "--backup-dir") {
        command.arg("--backup-dir").arg(std::env::temp_dir());
    }
    command.args(&options.arguments);
    let mut process = Process::start(command);
    let line = process.line().text;
    let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("expected an address, found `{line}`"));
    process.listens(url);
    (process, url.to_owned())
}
