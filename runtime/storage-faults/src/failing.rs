//! Storage whose n-th operation fails.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use dag_storage::{Space, Storage, StorageFile};

use crate::Operation;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It does nothing.
    Refused,
    /// It stops half-way: a write or a read does its first half; any other does nothing.
    Torn,
    /// It does all that it should, and says that it failed.
    Unheard,
}

/// Which operations fail, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The first that fails, counted from 0.
    pub at: usize,
    /// How many fail.
    pub count: usize,
    /// How.
    pub how: How,
    /// What is reported.
    pub kind: io::ErrorKind,
}

/// Storage over another one that fails as it is told. Clones are the same storage.
#[derive(Clone)]
pub struct Failing {
    inner: Arc<dyn Storage>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    operations: Vec<Operation>,
    /// What is to become of the next operations of some kinds, in this order.
    next: Vec<(Operation, Turn)>,
}

/// What becomes of an operation whose turn it is.
enum Turn {
    Fails,
    Waits { arrived: mpsc::Sender<()>, released: mpsc::Receiver<bool> },
}

/// An operation that waits, from when it comes until it is released.
pub struct Held {
    arrived: mpsc::Receiver<()>,
    release: mpsc::Sender<bool>,
}

impl Held {
    /// Blocks until it has come.
    pub fn arrived(&self) {
        self.arrived.recv().expect("the storage is there");
    }

    /// Lets it go on; so does dropping this.
    pub fn release(self) {}

    /// Lets it fail without doing anything.
    pub fn fail(self) {
        // An error means that it is gone.
        let _ = self.release.send(true);
    }
}

/// What becomes of an operation.
enum Outcome {
    Done,
    Refused(io::Error),
    Torn(io::Error),
    Unheard(io::Error),
}

impl Failing {
    /// Storage over `inner` in which nothing fails yet.
    pub fn over(inner: Arc<dyn Storage>) -> Failing {
        Failing { inner, state: Arc::default() }
    }

    /// Sets what fails, or with none that nothing more does.
    pub fn set(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Makes the next operation of a kind fail without doing anything.
    pub fn fail_next(&self, operation: Operation) {
        self.state().next.push((operation, Turn::Fails));
    }

    /// Makes the next operation of a kind wait until it is released. Others of its kind do not wait for it.
    pub fn hold_next(&self, operation: Operation) -> Held {
        let ((arrive, arrived), (release, released)) = (mpsc::channel(), mpsc::channel());
        self.state().next.push((operation, Turn::Waits { arrived: arrive, released }));
        Held { arrived, release }
    }

    /// The operations so far, those that failed among them.
    pub fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) -> Outcome {
        let mut state = self.state();
        let number = state.operations.len();
        state.operations.push(operation);
        let failed = || io::Error::other(format!("operation {number}, {operation:?}, was made to fail"));
        if let Some(at) = state.next.iter().position(|(next, _)| *next == operation) {
            let (_, turn) = state.next.remove(at);
            drop(state);
            return match turn {
                Turn::Fails => Outcome::Refused(failed()),
                Turn::Waits { arrived, released } => {
                    // Errors mean that nobody holds it any more.
                    let _ = arrived.send(());
                    let fails = released.recv().unwrap_or(false);
                    if fails { Outcome::Refused(failed()) } else { Outcome::Done }
                }
            };
        }
        let Some(fault) = state.fault.filter(|fault| (fault.at..fault.at + fault.count).contains(&number)) else {
            return Outcome::Done;
        };
        let error = io::Error::new(fault.kind, format!("operation {number}, {operation:?}, was made to fail"));
        match fault.how {
            How::Refused => Outcome::Refused(error),
            How::Torn => Outcome::Torn(error),
            How::Unheard => Outcome::Unheard(error),
        }
    }

    fn run<T>(&self, operation: Operation, perform: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.begin(operation) {
            Outcome::Done => perform(),
            Outcome::Refused(error) | Outcome::Torn(error) => Err(error),
            Outcome::Unheard(error) => perform().and(Err(error)),
        }
    }

    fn file(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(FailingFile { storage: self.clone(), file })
    }
}

impl Storage for Failing {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.run(Operation::Create, || self.inner.create(path)).map(|file| self.file(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.run(Operation::Open, || self.inner.open(path)).map(|file| self.file(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Operation::Rename, || self.inner.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(Operation::Remove, || self.inner.remove(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.run(Operation::List, || self.inner.list(dir))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::CreateDir, || self.inner.create_dir(dir))
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::RemoveDir, || self.inner.remove_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::SyncDir, || self.inner.sync_dir(dir))
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        self.run(Operation::Space, || self.inner.space(dir))
    }
}

struct FailingFile {
    storage: Failing,
    file: Arc<dyn StorageFile>,
}

impl StorageFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self.storage.begin(Operation::Read) {
            Outcome::Done => self.file.read_at(buffer, offset),
            Outcome::Refused(error) => Err(error),
            Outcome::Torn(error) => {
                let half = buffer.len() / 2;
                self.file.read_at(&mut buffer[..half], offset).and(Err(error))
            }
            Outcome::Unheard(error) => self.file.read_at(buffer, offset).and(Err(error)),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.storage.begin(Operation::Write) {
            Outcome::Done => self.file.write_at(bytes, offset),
            Outcome::Refused(error) => Err(error),
            Outcome::Torn(error) => self.file.write_at(&bytes[..bytes.len() / 2], offset).and(Err(error)),
            Outcome::Unheard(error) => self.file.write_at(bytes, offset).and(Err(error)),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.storage.run(Operation::Sync, || self.file.sync_data())
    }

    fn length(&self) -> io::Result<u64> {
        self.storage.run(Operation::Length, || self.file.length())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.storage.run(Operation::Truncate, || self.file.truncate(length))
    }
}
