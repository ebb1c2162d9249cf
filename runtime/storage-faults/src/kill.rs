//! Moments at which a test kills the process.

use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::{Around, Operation};

/// Sends SIGKILL to its own process the n-th time that it begins or has done some operation on some path.
#[derive(Debug)]
pub struct Kill {
    /// None means any but reading.
    operation: Option<Operation>,
    /// What the path has in it.
    part: String,
    /// Passes that are left, the deadly one included.
    left: AtomicU64,
}

/// `write .seg:17` is the 17th pass of a write to a file with `.seg` in its path, where each write passes twice: before it and after
/// it. `any compiled/:3` is the third pass of whatever changes something there.
impl FromStr for Kill {
    type Err = String;

    fn from_str(text: &str) -> Result<Kill, String> {
        let wrong = || format!("`{text}` is not an operation, a part of a path and a number, as in `write .seg:17`");
        let (what, pass) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (operation, part) = what.split_once(' ').ok_or_else(wrong)?;
        let operation = match operation {
            "any" => None,
            "create" => Some(Operation::Create),
            "rename" => Some(Operation::Rename),
            "remove" => Some(Operation::Remove),
            "sync" => Some(Operation::Sync),
            "sync-dir" => Some(Operation::SyncDir),
            "write" => Some(Operation::Write),
            _ => return Err(wrong()),
        };
        let left = pass.parse().map_err(|_| wrong())?;
        Ok(Kill { operation, part: part.to_owned(), left: AtomicU64::new(left) })
    }
}

impl Kill {
    fn pass(&self, operation: Operation, path: &Path) {
        let is_meant = match self.operation {
            Some(meant) => meant == operation,
            None => !matches!(
                operation,
                Operation::Open | Operation::List | Operation::Space | Operation::Read | Operation::Length
            ),
        };
        if is_meant && path.to_string_lossy().contains(&self.part) && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Nothing after this runs: SIGKILL cannot be caught.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

impl Around for Kill {
    fn before(&self, operation: Operation, path: &Path) {
        self.pass(operation, path);
    }

    fn after(&self, operation: Operation, path: &Path) {
        self.pass(operation, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_names_no_moment_is_refused() {
        for order in ["", "write", "write:1", "fsync .seg:1", "write .seg:", "write .seg:x"] {
            assert!(order.parse::<Kill>().is_err(), "{order}");
        }
        let kill: Kill = "sync a:b:3".parse().unwrap();
        assert_eq!((kill.operation, &*kill.part), (Some(Operation::Sync), "a:b"));
    }

    #[test]
    fn only_the_operation_and_the_path_that_are_meant_count() {
        let kill: Kill = "any /x:100".parse().unwrap();
        for (operation, path) in [
            (Operation::Read, "/x"),
            (Operation::Open, "/x"),
            (Operation::Write, "/y"),
            (Operation::Write, "/x"),
            (Operation::Rename, "/x.new"),
        ] {
            kill.before(operation, Path::new(path));
        }
        assert_eq!(kill.left.load(Ordering::Relaxed), 98);
    }
}
