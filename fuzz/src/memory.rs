//! The most memory that the process had while it did something.
//!
//! It is the resident memory that the kernel counts, `VmHWM` in proc(5): what would end a node. Also counted is what the process had
//! before; what it only reserves is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

/// Does something, and returns the most memory that the process had meanwhile, in bytes.
///
/// # Panics
/// If the kernel does not tell.
pub fn of(work: impl FnOnce()) -> u64 {
    // Where the mark may not be taken back, it is that of all that was done so far: no less.
    let _ = fs::write("/proc/self/clear_refs", "5");
    work();
    peak()
}

/// How often it is looked at how much memory the processes have that were started.
const LOOK: Duration = Duration::from_millis(10);

/// Does something, and returns the most memory that a process had meanwhile that was started for it, in bytes, to within what the last look
/// missed.
pub fn of_children(work: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Acquire) {
                most = children().filter_map(peak_of).fold(most, u64::max);
                thread::sleep(LOOK);
            }
            most
        });
        // Also where it panics, for which nobody is to wait.
        let working = Done(&done);
        work();
        drop(working);
        looking.join().expect("it only looks")
    })
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The processes that threads of this one have started and that are there.
fn children() -> impl Iterator<Item = String> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(move |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name in parentheses come the state and the parent.
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.split_whitespace().nth(1) == Some(&own))
    })
}

fn peak() -> u64 {
    peak_of("self".to_owned()).expect("proc(5): VmHWM, a number of kB")
}

fn peak_of(process: String) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_used_and_given_back_is_seen_and_what_is_only_reserved_is_not() {
        const MIB: usize = 1 << 20;
        let reserved = of(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(256 * MIB))));
        let used = of(|| drop(std::hint::black_box(vec![1_u8; 256 * MIB])));
        assert!(used >= 256 << 20, "{used}");
        assert!(reserved < used - (200 << 20), "{reserved} and {used}");
    }
}
