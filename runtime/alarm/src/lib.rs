//! Threads and tasks whose panic ends the process.
//!
//! Who works for all others, the node's timers, the writer of snapshots, must not be gone without a word: what it would have done is
//! never done again, and those who wait for it wait for ever. A panic there is a bug, and after it nobody knows what holds; a node that is
//! started again computes what is missing. What works for one request answers that request with the panic instead, and needs no alarm.

use std::io;
use std::thread::{self, Builder, JoinHandle};

/// Ends the process if it is dropped by a panic.
pub struct Alarm(&'static str);

impl Alarm {
    /// The alarm of a thread or a task of that name, to be held for as long as it works.
    pub fn of(name: &'static str) -> Alarm {
        Alarm(name)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            // What the panic was has been said by its hook.
            eprintln!("dag: `{}` is gone, on which all else depends: this process ends", self.0);
            std::process::abort();
        }
    }
}

/// Starts a thread with an alarm.
pub fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        let _alarm = Alarm::of(name);
        work();
    })
}

/// Does some work under an alarm.
pub fn work<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    let _alarm = Alarm::of(name);
    work()
}

/// A task under an alarm.
pub async fn task<T>(name: &'static str, task: impl Future<Output = T>) -> T {
    let _alarm = Alarm::of(name);
    task.await
}
