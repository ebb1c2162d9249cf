//! A process beside the test: its output line by line, with the moment of each line's arrival.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{self, DEADLINE};

/// How long a process may take that should end by itself.
const FINISH: Duration = Duration::from_secs(120);

/// A line of a process's standard output.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it came.
    pub at: Instant,
    /// Without its end.
    pub text: String,
}

/// What a process that has ended leaves.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output and the test did not read before.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Its standard output.
    ///
    /// # Panics
    /// If it did not end with 0.
    #[track_caller]
    pub fn success(self) -> String {
        self.code(0).stdout
    }

    /// Itself.
    ///
    /// # Panics
    /// If it did not end with that code.
    #[track_caller]
    pub fn code(self, code: i32) -> Finished {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// A running process. It is killed when this is dropped, also by a panic.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it, with a standard input that stays open; see [`send`](Process::send).
    pub fn start(mut command: Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take();
        let (sender, lines) = mpsc::channel();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        thread::spawn(move || {
            loop {
                let mut text = String::new();
                match stdout.read_line(&mut text) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {
                        let line = Line { at: Instant::now(), text: text.trim_end_matches('\n').to_owned() };
                        if sender.send(line).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        let mut stderr = child.stderr.take().expect("it is piped");
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Process { child, stdin, lines, stderr: Some(stderr) }
    }

    /// Starts it with all of its standard input.
    pub fn with_input(command: Command, input: &[u8]) -> Process {
        let mut process = Process::start(command);
        let mut stdin = process.stdin.take().expect("a process starts with its input open");
        let input = input.to_vec();
        // It may end without reading all.
        thread::spawn(move || drop(stdin.write_all(&input)));
        process
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// If it does not take it.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it reads its input");
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output; none if it ended first.
    ///
    /// # Panics
    /// If nothing comes within [`DEADLINE`].
    #[track_caller]
    pub fn next_line(&mut self) -> Option<Line> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line from process {} within {DEADLINE:?}", self.pid()),
        }
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    /// If it ends instead, or nothing comes within [`DEADLINE`].
    #[track_caller]
    pub fn line(&mut self) -> Line {
        match self.next_line() {
            Some(line) => line,
            None => panic!("expected a line, but the process ended: {:?}", self.ended()),
        }
    }

    /// The next so many lines.
    ///
    /// # Panics
    /// As [`line`](Process::line).
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line().text).collect()
    }

    /// The next line, if one comes within `patience`. For what must not come; what must come is waited for by
    /// [`line`](Process::line).
    pub fn line_within(&mut self, patience: Duration) -> Option<Line> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it still runs");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is a child of this process").is_none()
    }

    /// Waits for its end, which should come by itself; its standard input ends.
    ///
    /// # Panics
    /// If it does not end within two minutes.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.close_input();
        self.ended_within(FINISH)
    }

    /// Waits for its end, which should come by itself although its standard input goes on.
    ///
    /// # Panics
    /// If it does not end within two minutes.
    #[track_caller]
    pub fn finish_with_input_open(mut self) -> Finished {
        self.ended_within(FINISH)
    }

    /// Waits for its end, as [`finish`](Process::finish), but not for long.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Finished {
        self.ended_within(DEADLINE)
    }

    #[track_caller]
    fn ended_within(&mut self, deadline: Duration) -> Finished {
        let what = format!("process {} ended", self.pid());
        let status = wait::until(&what, deadline, || self.child.try_wait().expect("it is a child of this process"));
        let stdout = self.lines.iter().map(|line| line.text + "\n").collect();
        let stderr = self.stderr.take().map_or_else(String::new, |thread| thread.join().unwrap_or_default());
        Finished { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
