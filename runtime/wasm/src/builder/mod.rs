//! Building what strangers send: parsed, compiled and asked what it is in a process of its own, which is of the same binary.
//!
//! The parsers and compilers that are needed for that recurse, and take memory and time that nothing about the bytes announces. Here they
//! do it where they can at most fail: in a process with limits on memory and processor time and a stack of known size, which can
//! neither open, connect nor start anything, and which ends when nobody waits for it any more.
//!
//! Read `wire` (what is asked and answered), [`child`] (the process), `sandbox` (what it takes from itself), then this file (the
//! node's side).

pub mod child;
mod sandbox;
mod wire;

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dag_model::text::size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::build::Built;
use crate::limits::Limits;
use crate::load::{self, LoadError};
use crate::runtime::Runtime;
use crate::words;
use wire::Request;

/// The stack of whoever builds.
const STACK: usize = 32 << 20;

/// How much longer than its processor time a process may take, on a machine that others use, too.
const PATIENCE: u32 = 10;

/// How often it is looked at whether somebody still waits.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of what a process writes to its standard error that are looked at.
const WORDS: u64 = 4096;

/// Where components are built.
#[derive(Clone, Debug)]
pub enum Builder {
    /// In this process: for tests, and where only components of our own are built.
    Here,
    /// In a process for each.
    Process {
        /// How it is started.
        command: BuilderCommand,
        /// What it may use.
        bounds: Bounds,
    },
}

/// How the process is started that builds a component: it has to call [`child::run`].
#[derive(Clone, Debug)]
pub struct BuilderCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// What the process may use that builds a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory that it may write to. Address space is not counted.
    pub memory: u64,
    /// Processor time for a small component. Larger ones may take a thirtieth more for each MiB.
    pub cpu: Duration,
}

impl Bounds {
    /// Processor time for a component of so many bytes: a thirtieth more for each MiB, so that interpreters of 20 MB are compiled on busy
    /// machines, too, and a few kilobytes take no more for that.
    fn cpu_for(&self, bytes: usize) -> Duration {
        self.cpu + self.cpu * u32::try_from(bytes >> 20).unwrap_or(u32::MAX) / 30
    }
}

impl Default for Bounds {
    /// CPython and SpiderMonkey, the largest components that are known to be useful, take 0.4 GiB, and 10 to 25 s each of a machine
    /// that others use, too.
    fn default() -> Bounds {
        Bounds { memory: 1 << 30, cpu: Duration::from_secs(30) }
    }
}

/// Says to whoever builds that nobody waits for it any more, once it is dropped.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicBool>);

/// Whether somebody still waits.
#[derive(Clone, Debug, Default)]
pub struct Abandoned(Arc<AtomicBool>);

impl Waiting {
    /// What tells that this was dropped.
    pub fn abandoned(&self) -> Abandoned {
        Abandoned(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Builder {
    /// Builds a component, or a core module that says what component it is. It has to say within these limits what it is.
    pub fn build(
        &self,
        runtime: &Runtime,
        bytes: &[u8],
        limits: Limits,
        abandoned: &Abandoned,
    ) -> Result<Built, LoadError> {
        load::bounded(bytes)?;
        match self {
            Builder::Here => runtime.build(bytes, limits),
            Builder::Process { command, bounds } => {
                let cpu = bounds.cpu_for(bytes.len());
                let request = Request { parent: std::process::id(), data: bounds.memory, cpu, limits };
                Process::start(command)?.build(&request, bytes, abandoned)
            }
        }
    }
}

/// A process that builds. It is gone when this is dropped.
struct Process(Child);

impl Process {
    fn start(command: &BuilderCommand) -> Result<Process, LoadError> {
        let started = Command::new(&command.program)
            .args(&command.arguments)
            .arg0("dag")
            .env_clear()
            .envs(command.environment.iter().cloned())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        started.map(Process).map_err(|error| LoadError::Builder(format!("it does not start: {error}")))
    }

    fn build(mut self, request: &Request, bytes: &[u8], abandoned: &Abandoned) -> Result<Built, LoadError> {
        let (input, output) = (self.0.stdin.take().expect("it is piped"), self.0.stdout.take().expect("it is piped"));
        let words = self.0.stderr.take().expect("it is piped");
        let mut answer = Answer { from: output, until: Instant::now() + request.cpu * PATIENCE, abandoned };
        thread::scope(|scope| {
            // Not before reading, because a refusal may come before all is read.
            scope.spawn(move || write(request, bytes, input));
            let words = scope.spawn(move || first_words(words));
            let read = wire::read_answer(bytes, &mut io::BufReader::with_capacity(1 << 16, &mut answer));
            let status = self.end(read.is_err());
            let words = words.join().unwrap_or_default();
            match read {
                // What the engine says where it maps memory itself.
                Ok(Err(why)) if why.contains("Cannot allocate memory") => Err(over_memory(request)),
                Ok(answer) => answer.map_err(LoadError::Refused),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Err(LoadError::Abandoned),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(over_time(request)),
                Err(error) => Err(failure(request, status, &words, &error)),
            }
        })
    }

    /// Ends it, and says how it ended. One that broke off may be about to end by itself, in a way that tells why.
    fn end(&mut self, broke_off: bool) -> Option<ExitStatus> {
        let until = Instant::now() + if broke_off { LOOK } else { Duration::ZERO };
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK / 20),
                _ => break,
            }
        }
        // An error means that it has ended.
        let _ = self.0.kill();
        self.0.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// What a process answers, as long as somebody waits for it.
struct Answer<'a> {
    from: ChildStdout,
    until: Instant,
    abandoned: &'a Abandoned,
}

impl Read for Answer<'_> {
    /// An error of kind `ConnectionAborted` where nobody waits any more, `TimedOut` where it takes too long.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.abandoned.0.load(Ordering::Acquire) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if Instant::now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let look = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
            match poll(&mut [PollFd::new(&self.from, PollFlags::IN)], Some(&look)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return self.from.read(into),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn write(request: &Request, bytes: &[u8], mut to: ChildStdin) {
    // An error means that it has ended, which whoever reads its answer sees.
    let _ = request.write(bytes, &mut to);
}

/// The first of what a process says beside its answer; it is not kept from saying more.
fn first_words(mut from: ChildStderr) -> String {
    let mut words = Vec::new();
    let _ = (&mut from).take(WORDS).read_to_end(&mut words);
    let _ = io::copy(&mut from, &mut io::sink());
    words::fit(String::from_utf8_lossy(&words).into_owned())
}

fn over_memory(request: &Request) -> LoadError {
    LoadError::Bounds(format!("it takes more than {} of memory to build", size(request.data)))
}

fn over_time(request: &Request) -> LoadError {
    LoadError::Bounds(format!("it takes more than {:?} of processor time to build", request.cpu))
}

/// Why a process ended without an answer.
fn failure(request: &Request, status: Option<ExitStatus>, words: &str, error: &io::Error) -> LoadError {
    let signal = status.and_then(|status| status.signal());
    match signal {
        Some(libc::SIGXCPU) => over_time(request),
        // What Rust says when it aborts for one of these reasons.
        _ if words.contains("memory allocation of") => over_memory(request),
        _ if words.contains("overflowed its stack") => LoadError::Bounds("it nests too deeply".to_owned()),
        _ => LoadError::Builder(match (status, words.trim()) {
            (Some(status), "") => format!("{status}, {error}"),
            (Some(status), words) => format!("{status}: {words}"),
            (None, words) => format!("{error}: {words}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_components_may_take_longer_and_small_ones_no_more() {
        let seconds = |bytes| Bounds::default().cpu_for(bytes).as_secs();
        assert_eq!([64 << 10, 1 << 20, 18 << 20, 64 << 20].map(seconds), [30, 31, 48, 94]);
    }
}
