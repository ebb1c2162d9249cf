//! Being asked to end: Ctrl-C, SIGTERM, or SIGHUP of a terminal that goes away. The first asks a command to stop where it can, the second ends the process at once.

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{self, Exit};

/// Whether the process has been asked to end.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From now on the first such signal is only noted here.
    pub fn noted() -> io::Result<Interrupt> {
        let signals = Signals::watched()?;
        signals.noted.store(true, Ordering::SeqCst);
        Ok(Interrupt(signals.raise.subscribe()))
    }

    /// The same, but the process ends by itself where it has not done so that long after the first: a write to a full pipe may be
    /// stuck.
    pub fn noted_for(patience: Duration) -> io::Result<Interrupt> {
        let interrupt = Interrupt::noted()?;
        let mut raised = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("patience".into()).spawn(move || {
            runtime.block_on(async {
                raised.raised().await;
                tokio::time::sleep(patience).await;
            });
            exit::now(Exit::Interrupted);
        })?;
        Ok(interrupt)
    }

    /// Whether there was one.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once there was one.
    pub async fn raised(&mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// From now on such a signal ends the process at once, unless it is [noted](Interrupt::noted), with its exit code and without what is in its [`Folder`](crate::folder::Folder)s,
/// even while a write to a full pipe is stuck.
pub fn ends_the_process() -> io::Result<()> {
    Signals::watched().map(drop)
}

/// What becomes of signals.
struct Signals {
    raise: watch::Sender<bool>,
    /// Whether the first is somebody's to see to.
    noted: AtomicBool,
}

impl Signals {
    /// The one of the process, which a thread of its own looks for: a command's thread may be busy with blocking input or output.
    fn watched() -> io::Result<&'static Signals> {
        static SIGNALS: OnceLock<Signals> = OnceLock::new();
        let mut is_first = false;
        let signals = SIGNALS.get_or_init(|| {
            is_first = true;
            Signals { raise: watch::channel(false).0, noted: AtomicBool::new(false) }
        });
        if is_first {
            signals.watch()?;
        }
        Ok(signals)
    }

    fn watch(&'static self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupt, mut terminate, mut hangup) = {
            let _guard = runtime.enter();
            // Who is started by nohup is meant to outlive its terminal.
            let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, hangup)
        };
        thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                loop {
                    let hung_up = async {
                        match &mut hangup {
                            Some(hangup) => drop(hangup.recv().await),
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        () = hung_up => {}
                    }
                    self.came();
                }
            });
        })?;
        Ok(())
    }

    /// There was a signal.
    fn came(&self) {
        let is_first = !self.raise.send_replace(true);
        if !(is_first && self.noted.load(Ordering::SeqCst)) {
            exit::now(Exit::Interrupted);
        }
    }
}

/// Whether whoever started this process has it ignore SIGHUP: the first bit of the mask that proc(5) shows.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
