//! What the threads of one test share: the first failure of any of them, and the processes that end with it.
//!
//! A thread has the alarm of the thread that started it with [`crew`](crate::crew); a test's own thread makes one when it needs it.
//! Whoever waits looks at it, and whoever reads from a process that ends with it stops reading. So a test ends with its first failure,
//! whichever thread that is in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How much of what a process wrote to standard error is shown.
const TAIL: usize = 4 << 10;

/// How long a node may take to say how it is once something has gone wrong.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a process that runs beside the test is known by.
#[derive(Debug)]
pub(crate) struct Witness {
    /// Its command line.
    pub command: String,
    /// Where it listens, once it is known to be a node.
    pub url: OnceLock<String>,
    /// What it wrote to standard error so far.
    pub stderr: Mutex<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The first failure.
    reason: OnceLock<String>,
    /// Those that run, by process id; guards that nobody is killed who has been waited for.
    processes: Mutex<BTreeMap<u32, Arc<Witness>>>,
}

/// The alarm of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alarm(Arc<Shared>);

thread_local! {
    static MINE: RefCell<Option<Alarm>> = const { RefCell::new(None) };
}

impl Alarm {
    /// This thread's.
    pub fn mine() -> Alarm {
        MINE.with_borrow_mut(|mine| mine.get_or_insert_default().clone())
    }

    /// Makes this one the thread's.
    pub fn adopt(self) {
        MINE.set(Some(self));
    }

    /// Lets the thread begin with a new one, as the next test on it must.
    pub fn leave() {
        MINE.set(None);
    }

    /// Says that something failed, and kills what the test has started, so that nobody waits for it any more. The first reason stays.
    pub fn ring(&self, reason: String) {
        if self.0.reason.set(reason).is_ok() {
            for pid in self.processes().keys() {
                let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw).expect("process ids are positive");
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// The first failure.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    /// Ends this thread where another one of the test has failed.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn check(&self) {
        if let Some(reason) = self.reason() {
            panic!("{reason}");
        }
    }

    /// Takes in a process that was started.
    pub fn enter(&self, pid: u32, witness: Arc<Witness>) {
        self.processes().insert(pid, witness);
    }

    /// Waits for a process that may have ended, and forgets it if it has: from then on its id may be another's.
    pub fn reap<T>(&self, pid: u32, wait: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut processes = self.processes();
        wait().inspect(|_| drop(processes.remove(&pid)))
    }

    /// The processor time that all of them have used, in ticks.
    pub fn ticks(&self) -> u64 {
        self.processes().keys().filter_map(|pid| ticks(*pid)).sum()
    }

    /// How the test's processes are: what nodes say of themselves, and what each wrote last to standard error.
    pub fn scene(&self) -> String {
        // Nobody else has to wait for a node that does not answer.
        let processes = self.processes().clone();
        let mut text = String::new();
        for (pid, Witness { command, url, stderr }) in processes.iter().map(|(pid, witness)| (pid, witness.as_ref())) {
            let stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
            let tail = String::from_utf8_lossy(&stderr[stderr.len().saturating_sub(TAIL)..]).into_owned();
            drop(stderr);
            let _ = write!(text, "\n--- process {pid}, {command}");
            if let Some(url) = url.get() {
                let _ = write!(text, "\nstatus: {}", status(url));
            }
            let _ = write!(text, "\nwrote last: {}", if tail.is_empty() { "nothing" } else { tail.trim_end() });
        }
        text
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Witness>>> {
        self.0.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a node says of itself, or why it does not.
fn status(url: &str) -> String {
    let config = ureq::Agent::config_builder().timeout_global(Some(LAST_WORDS)).http_status_as_error(false).build();
    let answer = config.new_agent().get(format!("{url}/v1/status")).call();
    answer.and_then(|answer| answer.into_body().read_to_string()).unwrap_or_else(|error| format!("none, {error}"))
}

/// The processor time of a process, of all its threads.
pub(crate) fn ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc(5): the second field is the name in parentheses, which may hold spaces; utime and stime are the 14th and 15th.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
}
