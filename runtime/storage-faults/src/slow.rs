//! Storage that takes its time where it is told to, while a process runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Around, Operation};

/// How often a file of orders is looked at by an operation that hangs.
const EVERY: Duration = Duration::from_millis(10);

/// Lets operations wait as a file says: what a test does to the disk of a running process.
///
/// Each line of the file is an order: `hang sources/3/` lets each operation on a path with that text in it wait for as long as the order
/// is there; `10000 derived/7/snapshot` lets it wait for so many milliseconds, or until the order is gone. Paths of operations that wait
/// are appended to a second file, whose name ends in `.held`, a line each.
pub struct Slow {
    file: PathBuf,
    held: PathBuf,
}

impl Slow {
    /// Obeys the orders in `file`, which need not be there.
    pub fn by(file: PathBuf) -> Slow {
        let held = file.with_extension("held");
        Slow { file, held }
    }

    /// How long an operation on that path waits, if it does.
    fn wanted(&self, path: &str) -> Option<Duration> {
        let orders = fs::read_to_string(&self.file).ok()?;
        let order = orders.lines().filter_map(|line| line.split_once(' ')).find(|(_, part)| path.contains(part))?;
        Some(match order {
            ("hang", _) => Duration::MAX,
            (milliseconds, _) => Duration::from_millis(milliseconds.parse().expect("an order is `hang` or a number")),
        })
    }
}

impl Around for Slow {
    fn before(&self, operation: Operation, path: &Path) {
        if matches!(operation, Operation::Length | Operation::Space) {
            return;
        }
        let path = path.to_string_lossy();
        let begun = Instant::now();
        let mut told = false;
        while self.wanted(&path).is_some_and(|wanted| begun.elapsed() < wanted) {
            if !std::mem::replace(&mut told, true) {
                let mut held = fs::File::options().append(true).create(true).open(&self.held).expect("a test's file");
                held.write_all(format!("{path}\n").as_bytes()).expect("a test's file");
            }
            thread::sleep(EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dag_storage::Storage;

    use super::*;
    use crate::{Disk, Surrounded};

    #[test]
    fn an_operation_hangs_for_as_long_as_the_order_is_there_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let orders = folder.path().join("orders");
        let slow = Surrounded::over(Arc::new(Disk::new()), Slow::by(orders.clone()));
        let (one, other) = (slow.create(Path::new("/one")).unwrap(), slow.create(Path::new("/other")).unwrap());
        fs::write(&orders, "hang /one\n").unwrap();
        thread::scope(|scope| {
            let hangs = scope.spawn(|| one.sync_data());
            while fs::read_to_string(orders.with_extension("held")).unwrap_or_default() != "/one\n" {
                thread::sleep(EVERY);
            }
            other.sync_data().unwrap();
            assert!(!hangs.is_finished());
            fs::write(&orders, "").unwrap();
            hangs.join().unwrap().unwrap();
        });
    }
}
