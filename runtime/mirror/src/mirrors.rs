//! All mirrors of a node, and the thread that works for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use dag_log::{Committer, Log, OpenError};

use crate::limits::Limits;
use crate::mirroring::{Mirroring, Turn};
use crate::origin::Origin;

/// The mirrors of a node. Dropping it ends them all: who still reads one is told.
pub struct Mirrors {
    dir: PathBuf,
    committer: Committer,
    limits: Limits,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Guards which mirrors there are and which are to be looked at. What they do is done under the lock of each, which is never taken
    /// under this one.
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Default)]
struct Queue {
    mirrors: BTreeMap<u64, Arc<Mutex<Mirroring>>>,
    /// The newest mirror of each log.
    named: BTreeMap<String, u64>,
    next: u64,
    rung: BTreeSet<u64>,
    /// When each is looked at if nothing rings before.
    due: BTreeSet<(Instant, u64)>,
    due_of: BTreeMap<u64, Instant>,
    stopping: bool,
}

impl Mirrors {
    /// Mirrors whose files lie in that folder, which is emptied: none outlives its process.
    ///
    /// # Errors
    /// If it can't be emptied, or no thread started.
    pub fn start(dir: &Path, committer: Committer, limits: Limits) -> io::Result<Mirrors> {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        committer.storage().create_dir(dir)?;
        let shared = Arc::new(Shared { queue: Mutex::default(), bell: Condvar::new() });
        let working = shared.clone();
        let thread = Some(dag_alarm::thread("mirrors", move || working.work())?);
        Ok(Mirrors { dir: dir.to_owned(), committer, limits, shared, thread })
    }

    /// A log that these origins have, to be read from that sequence on, or from its end on where it has not got there yet: the mirror of
    /// that name, where there is one that begins early enough, or a new one. It stays for as long as somebody has a handle of it.
    ///
    /// Waits until it has got as far as that sequence, or as an origin.
    ///
    /// # Errors
    /// If none does in time, or a file can't be written.
    ///
    /// # Panics
    /// If there are no origins.
    pub fn open(&self, name: &str, origins: &[Arc<dyn Origin>], from: u64) -> Result<Log, OpenError> {
        assert!(!origins.is_empty(), "a log lies somewhere");
        dag_lock::may_wait("a log that is on another node");
        let (told, opened) = channel();
        let there = self.shared.named(name).filter(|(_, mirror)| lock(mirror).admit(from, told.clone()));
        let (id, is_made) = match there {
            Some((id, _)) => (id, false),
            None => (self.make(name, origins, from, told), true),
        };
        self.shared.ring(id);
        let silent = || io::Error::new(io::ErrorKind::TimedOut, format!("no node answers that has {name}"));
        opened.recv_timeout(self.limits.patience).unwrap_or_else(|_| {
            if is_made {
                self.shared.remove(id);
            }
            Err(OpenError::Io { file: self.dir.clone(), source: silent() })
        })
    }

    fn make(&self, name: &str, origins: &[Arc<dyn Origin>], from: u64, told: crate::mirroring::Opener) -> u64 {
        let mut queue = self.shared.queue();
        let id = queue.next;
        queue.next += 1;
        let shared = Arc::downgrade(&self.shared);
        let ring = Arc::new(move || {
            if let Some(shared) = shared.upgrade() {
                shared.ring(id);
            }
        });
        let (dir, committer) = (self.dir.join(id.to_string()), self.committer.clone());
        let mut mirror = Mirroring::new(origins.to_vec(), from, dir, committer, self.limits, ring);
        mirror.admit(from, told);
        queue.mirrors.insert(id, Arc::new(Mutex::new(mirror)));
        queue.named.insert(name.to_owned(), id);
        id
    }
}

impl Drop for Mirrors {
    fn drop(&mut self) {
        self.shared.queue().stopping = true;
        self.shared.bell.notify_all();
        // A panic there has ended the process.
        let _ = self.thread.take().map(JoinHandle::join);
        let left = std::mem::take(&mut self.shared.queue().mirrors);
        left.values().for_each(|mirror| lock(mirror).end());
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, id: u64) {
        self.queue().rung.insert(id);
        self.bell.notify_one();
    }

    fn named(&self, name: &str) -> Option<(u64, Arc<Mutex<Mirroring>>)> {
        let queue = self.queue();
        let id = *queue.named.get(name)?;
        Some((id, queue.mirrors.get(&id)?.clone()))
    }

    fn remove(&self, id: u64) {
        let mut queue = self.queue();
        let mirror = queue.mirrors.remove(&id);
        queue.named.retain(|_, named| *named != id);
        queue.put_off(id, None);
        drop(queue);
        if let Some(mirror) = mirror {
            lock(&mirror).end();
        }
    }

    fn work(&self) {
        while let Some((id, mirror)) = self.next() {
            let turn = lock(&mirror).turn(Instant::now());
            match turn {
                Turn::More => self.ring(id),
                Turn::By(due) => self.queue().put_off(id, Some(due)),
                Turn::Closed => self.remove(id),
            }
        }
    }

    /// The next mirror that is to be looked at; none when that is over.
    fn next(&self) -> Option<(u64, Arc<Mutex<Mirroring>>)> {
        let mut queue = self.queue();
        loop {
            if queue.stopping {
                return None;
            }
            let now = Instant::now();
            let first = queue.due.first().copied();
            let late = first.filter(|(due, _)| *due <= now).map(|(_, id)| id);
            if let Some(id) = late.or_else(|| queue.rung.first().copied()) {
                queue.rung.remove(&id);
                queue.put_off(id, None);
                if let Some(mirror) = queue.mirrors.get(&id) {
                    return Some((id, mirror.clone()));
                }
                continue;
            }
            queue = match first {
                None => self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some((due, _)) => self.bell.wait_timeout(queue, due - now).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Queue {
    /// Has a mirror looked at by then, or not before something rings.
    fn put_off(&mut self, id: u64, due: Option<Instant>) {
        if let Some(before) = self.due_of.remove(&id) {
            self.due.remove(&(before, id));
        }
        if let Some(due) = due.filter(|_| self.mirrors.contains_key(&id)) {
            self.due_of.insert(id, due);
            self.due.insert((due, id));
        }
    }
}

fn lock(mirror: &Mutex<Mirroring>) -> MutexGuard<'_, Mirroring> {
    mirror.lock().unwrap_or_else(PoisonError::into_inner)
}
