//! Gates: what may wait for a disk is done by so many threads at a time, and by fewer for one stream, so that those who wait for a disk that
//! hangs leave threads to all others. Whoever finds a gate full waits without a thread.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dag_lock::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking::Broken;

/// How wide a gate is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Width {
    /// What is done behind it, as who finds it full is told.
    pub what: &'static str,
    /// How many are behind it at a time.
    pub most: usize,
    /// How many of them for one key.
    pub each: usize,
    /// How many may wait before it.
    pub waiting: usize,
}

/// As many wait before a gate as may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} requests wait for their turn {what}, which is the limit: try again in a moment")]
pub struct Full {
    /// What is done behind it.
    pub what: &'static str,
    /// How many wait.
    pub waiting: usize,
}

/// A gate, through which work goes by key.
pub(crate) struct Gate<K: Hash + Eq> {
    width: Width,
    places: Arc<Semaphore>,
    /// The places of those keys that somebody has or wants.
    keys: Mutex<HashMap<K, Arc<Semaphore>>>,
    waiting: AtomicUsize,
}

/// A place behind a gate.
pub(crate) struct Pass<K: Hash + Eq> {
    gate: Arc<Gate<K>>,
    key: K,
    places: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl<K: Hash + Eq + Clone + Send + 'static> Gate<K> {
    /// A gate of that width.
    pub fn new(width: Width) -> Arc<Gate<K>> {
        let places = Arc::new(Semaphore::new(width.most));
        Arc::new(Gate { width, places, keys: Mutex::new("gate", HashMap::new()), waiting: AtomicUsize::new(0) })
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Full`] where as many wait as may.
    pub async fn pass(self: &Arc<Self>, key: K) -> Result<Pass<K>, Full> {
        let own =
            self.keys.lock().entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.width.each))).clone();
        // From here on the key is forgotten when this is dropped, whatever becomes of it.
        let mut pass = Pass { gate: self.clone(), key, places: None };
        let of_key = match own.clone().try_acquire_owned() {
            Ok(of_key) => of_key,
            Err(_) => {
                let _waiting = self.wait()?;
                own.acquire_owned().await.expect("it is never closed")
            }
        };
        let of_all = match self.places.clone().try_acquire_owned() {
            Ok(of_all) => of_all,
            Err(_) => {
                let _waiting = self.wait()?;
                self.places.clone().acquire_owned().await.expect("it is never closed")
            }
        };
        pass.places = Some((of_key, of_all));
        Ok(pass)
    }

    /// Does some work behind the gate, on a thread that may wait. It is done also where nobody waits for it any more.
    ///
    /// # Errors
    /// Those of the work, and as [`pass`](Gate::pass) and [`blocking`](crate::blocking::blocking).
    pub async fn run<T, E>(
        self: &Arc<Self>,
        key: K,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Full> + From<Broken> + Send + 'static,
    {
        let pass = self.pass(key).await?;
        crate::blocking::blocking(move || {
            let _pass = pass;
            work()
        })
        .await
    }

    /// Lets nobody in, nor wait, or everybody again.
    #[cfg(test)]
    pub fn set_full(&self, is_full: bool) {
        match is_full {
            true => assert_eq!(self.places.forget_permits(self.width.most), self.width.most, "nobody is in"),
            false => self.places.add_permits(self.width.most),
        }
        self.waiting.store(if is_full { self.width.waiting } else { 0 }, Ordering::Relaxed);
    }

    fn wait(&self) -> Result<Waiting<'_>, Full> {
        let waiting = Waiting(&self.waiting);
        match self.waiting.fetch_add(1, Ordering::Relaxed) < self.width.waiting {
            true => Ok(waiting),
            false => Err(Full { what: self.width.what, waiting: self.width.waiting }),
        }
    }
}

/// Counts who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<K: Hash + Eq> Drop for Pass<K> {
    fn drop(&mut self) {
        drop(self.places.take());
        let mut keys = self.gate.keys.lock();
        // Nobody else has it or waits for it: they would hold it, too.
        if keys.get(&self.key).is_some_and(|own| Arc::strong_count(own) == 1) {
            keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: Width = Width { what: "to be tested", most: 3, each: 2, waiting: 1 };

    #[tokio::test]
    async fn those_of_one_key_leave_places_to_others_and_only_so_many_wait() {
        let gate = Gate::new(WIDTH);
        let mut first = vec![gate.pass("a").await.unwrap(), gate.pass("a").await.unwrap()];
        let waits = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.pass("a").await.map(drop) })
        };
        tokio::task::yield_now().await;
        let full = gate.pass("a").await.map(drop).unwrap_err();
        assert_eq!(
            full.to_string(),
            "1 requests wait for their turn to be tested, which is the limit: try again in a moment"
        );
        let other = gate.pass("b").await.unwrap();
        assert!(!waits.is_finished());
        first.pop();
        waits.await.unwrap().unwrap();
        drop((first, other));
        assert!(gate.keys.lock().is_empty(), "keys that nobody wants are forgotten");
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing() {
        let gate = Gate::new(WIDTH);
        let places = [gate.pass("a").await.unwrap(), gate.pass("a").await.unwrap()];
        let gives_up = tokio::time::timeout(std::time::Duration::ZERO, gate.pass("a")).await;
        assert!(gives_up.is_err());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
        drop(places);
        assert!(gate.keys.lock().is_empty());
    }
}
