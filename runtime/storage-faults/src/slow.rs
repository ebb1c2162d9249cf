//! Storage that takes its time where it is told to, while a process runs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dag_log::{Space, Storage, StorageFile};

/// How often a file of orders is looked at by an operation that hangs.
const EVERY: Duration = Duration::from_millis(10);

/// Storage over another one whose operations wait as a file says: what a test does to the disk of a running process.
///
/// Each line of the file is an order: `hang sources/3/` lets each operation on a path with that text in it wait for as long as the order
/// is there; `10000 derived/7/snapshot` lets it wait for so many milliseconds, or until the order is gone. Paths of operations that wait
/// are appended to a second file, whose name ends in `.held`, a line each.
pub struct Slow {
    inner: Arc<dyn Storage>,
    orders: Arc<Orders>,
}

struct Orders {
    file: PathBuf,
    held: PathBuf,
}

impl Slow {
    /// Storage over `inner` that obeys the orders in `file`, which need not be there.
    pub fn over(inner: Arc<dyn Storage>, file: PathBuf) -> Slow {
        let held = file.with_extension("held");
        Slow { inner, orders: Arc::new(Orders { file, held }) }
    }

    fn file(&self, path: &Path, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(SlowFile { inner: file, path: path.to_owned(), orders: self.orders.clone() })
    }
}

impl Orders {
    /// How long an operation on that path waits, if it does.
    fn of(&self, path: &str) -> Option<Duration> {
        let orders = fs::read_to_string(&self.file).ok()?;
        let order = orders.lines().filter_map(|line| line.split_once(' ')).find(|(_, part)| path.contains(part))?;
        Some(match order {
            ("hang", _) => Duration::MAX,
            (milliseconds, _) => Duration::from_millis(milliseconds.parse().expect("an order is `hang` or a number")),
        })
    }

    fn wait(&self, path: &Path) {
        let path = path.to_string_lossy();
        let begun = Instant::now();
        let mut told = false;
        while self.of(&path).is_some_and(|wanted| begun.elapsed() < wanted) {
            if !std::mem::replace(&mut told, true) {
                let mut held = fs::File::options().append(true).create(true).open(&self.held).expect("a test's file");
                held.write_all(format!("{path}\n").as_bytes()).expect("a test's file");
            }
            thread::sleep(EVERY);
        }
    }
}

impl Storage for Slow {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.orders.wait(path);
        self.inner.create(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.orders.wait(path);
        self.inner.open(path).map(|file| self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.orders.wait(to);
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.orders.wait(path);
        self.inner.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.orders.wait(dir);
        self.inner.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.orders.wait(dir);
        self.inner.create_dir(dir)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.orders.wait(dir);
        self.inner.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.orders.wait(dir);
        self.inner.sync_dir(dir)
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        self.inner.space(dir)
    }
}

struct SlowFile {
    inner: Arc<dyn StorageFile>,
    path: PathBuf,
    orders: Arc<Orders>,
}

impl StorageFile for SlowFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.orders.wait(&self.path);
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.orders.wait(&self.path);
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.orders.wait(&self.path);
        self.inner.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.orders.wait(&self.path);
        self.inner.truncate(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Disk;

    #[test]
    fn an_operation_hangs_for_as_long_as_the_order_is_there_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let orders = folder.path().join("orders");
        let slow = Slow::over(Arc::new(Disk::new()), orders.clone());
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
