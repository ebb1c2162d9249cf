//! A process beside the test: its output line by line, with the moment of each line's arrival.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::alarm::{Alarm, Witness};
use crate::spawn;
use crate::wait::{EVERY, Patience};

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

/// A running process. It is killed when this is dropped, also by a panic; when another thread of the test fails; and when the test's
/// own process ends, however that happens.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    /// Reads standard error to its end.
    stderr: Option<JoinHandle<()>>,
    witness: Arc<Witness>,
    alarm: Alarm,
}

impl Process {
    /// Starts it, with a standard input that stays open; see [`send`](Process::send).
    pub fn start(mut command: Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let text = format!("{command:?}");
        let mut child = spawn::spawn(command).unwrap_or_else(|error| panic!("{text}: {error}"));
        let witness = Arc::new(Witness { command: text, url: OnceLock::new(), stderr: Mutex::default() });
        let alarm = Alarm::mine();
        alarm.enter(child.id(), witness.clone());
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
        let keeper = witness.clone();
        let stderr = thread::spawn(move || {
            let mut piece = [0; 4 << 10];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                keeper.stderr.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
            }
        });
        Process { child, stdin, lines, stderr: Some(stderr), witness, alarm }
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

    /// What it has written on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        let stderr = self.witness.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&stderr).into_owned()
    }

    /// It is a node, and listens there.
    pub(crate) fn listens(&self, url: &str) {
        let _ = self.witness.url.set(url.to_owned());
    }

    /// The next line of its standard output; none if it ended first.
    ///
    /// # Panics
    /// If nothing comes, and nothing is done for it.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<Line> {
        let mut patience = Patience::new();
        loop {
            match self.lines.recv_timeout(EVERY) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    patience.follow_work();
                    patience.look(|| format!("for a line from process {}", self.pid()));
                }
            }
        }
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    /// If it ends instead, or as [`next_line`](Process::next_line).
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
        self.status().is_none()
    }

    /// How it ended, if it has.
    fn status(&mut self) -> Option<ExitStatus> {
        let (pid, child) = (self.child.id(), &mut self.child);
        self.alarm.reap(pid, || child.try_wait().expect("it is a child of this process"))
    }

    /// Waits for its end, which should come by itself; its standard input ends.
    ///
    /// # Panics
    /// If it does not, and does nothing either.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.close_input();
        self.ended()
    }

    /// Waits for its end, which should come by itself although its standard input goes on.
    ///
    /// # Panics
    /// If it does not, and does nothing either.
    #[track_caller]
    pub fn finish_with_input_open(mut self) -> Finished {
        self.ended()
    }

    /// Waits for its end, as [`finish`](Process::finish).
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Finished {
        let (mut patience, mut stdout) = (Patience::new(), String::new());
        let status = loop {
            if let Some(status) = self.status() {
                break status;
            }
            while let Ok(line) = self.lines.try_recv() {
                patience.moved();
                stdout += &(line.text + "\n");
            }
            patience.follow_work();
            patience.pause(|| format!("until process {} ended, {}", self.pid(), self.witness.command));
        };
        stdout.extend(self.lines.iter().map(|line| line.text + "\n"));
        if let Some(reading) = self.stderr.take() {
            let _ = reading.join();
        }
        let stderr = self.witness.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        Finished { code: status.code(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let (pid, child) = (self.child.id(), &mut self.child);
        let _ = child.kill();
        self.alarm.reap(pid, || child.wait().ok());
    }
}

/// The signals that ask a process to end. Where the test is to outlive its terminal, so is each process that it starts.
pub fn ending() -> Vec<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is one");
    // proc(5): the mask of ignored signals, in hexadecimal, SIGHUP in its lowest bit.
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("proc(5): SigIgn").trim();
    let outlives = u64::from_str_radix(ignored, 16).expect("proc(5): a mask") & 1 == 1;
    let all = [Signal::INT, Signal::TERM, Signal::HUP];
    all.into_iter().filter(|signal| !outlives || *signal != Signal::HUP).collect()
}
