//! Starting processes that end with the test's, also when that is killed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

use rustix::process::{Signal, set_parent_process_death_signal};

struct Order {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// Starts a process.
///
/// # Errors
/// As [`Command::spawn`].
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    let end_with_parent = || Ok(set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: between fork and exec this makes one system call, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(end_with_parent) };
    let (answer, started) = mpsc::channel();
    let order = Order { command, answer };
    parent().send(order).expect("it serves for as long as the test's process runs");
    started.recv().expect("it answers each order")
}

/// The thread that starts them. For the system (prctl(2)) their parent is a thread, and this one lives as long as its process.
fn parent() -> &'static Sender<Order> {
    static PARENT: OnceLock<Sender<Order>> = OnceLock::new();
    PARENT.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for Order { mut command, answer } in orders {
                // Whoever ordered it waits for the answer.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::{env, io, thread};

    use crate::process::Process;
    use crate::wait::{DEADLINE, until};

    /// Named so that nothing else runs in the test that is killed.
    const KILLED: &str = "spawn::tests::a_test_that_is_killed";

    #[test]
    #[ignore = "its only caller kills it"]
    fn a_test_that_is_killed() {
        let mut command = Command::new("sleep");
        command.arg("1000");
        // Started by a thread that is gone when the test is killed, too.
        let process = thread::spawn(|| Process::start(command)).join().expect("it starts");
        eprintln!("pid {}", process.pid());
        thread::park();
    }

    #[test]
    fn a_process_ends_with_a_test_that_is_killed() {
        let mut command = Command::new(env::current_exe().expect("a test knows where it lies"));
        command.args([KILLED, "--exact", "--ignored", "--nocapture"]).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut killed = command.spawn().expect("it starts");
        let told = io::BufRead::lines(io::BufReader::new(killed.stderr.take().expect("it is piped")));
        let pid = told.map_while(Result::ok).find_map(|line| line.strip_prefix("pid ").map(str::to_owned));
        let process = Path::new("/proc").join(pid.expect("it says what it has started"));
        assert!(process.exists(), "it does not end with the thread that started it");
        killed.kill().and_then(|()| killed.wait()).expect("it runs");
        let ended = || fs::read_to_string(process.join("stat")).ok().is_none_or(|stat| stat.contains(") Z "));
        until("it is gone", DEADLINE, || ended().then_some(()));
    }
}
