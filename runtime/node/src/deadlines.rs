//! When each of many is to be looked at next.
//!
//! ```text
//! look_by(key, at)  ->  a heap of keys by their time  ->  due().await, a task that looks at those whose time has come
//! ```
//!
//! Nobody goes through all of them to find the few that are due, so ten thousand that are idle cost nothing.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use dag_lock::Mutex;
use tokio::sync::Notify;

/// The times at which keys are due, each key once.
pub struct Deadlines<K> {
    /// Held for moments: nothing else is locked under it, so that anybody may call, also a log that reports that it has grown.
    heap: Mutex<Heap<K>>,
    /// Somebody is due earlier than whoever waits knows.
    earlier: Notify,
}

struct Heap<K> {
    of: BTreeMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Deadlines<K> {
        let heap = Heap { of: BTreeMap::new(), order: BTreeSet::new() };
        Deadlines { heap: Mutex::new("deadlines", heap), earlier: Notify::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// The key is due at that time, if it is not earlier.
    pub fn look_by<Q: Ord + ToOwned<Owned = K> + ?Sized>(&self, key: &Q, at: Instant)
    where
        K: Borrow<Q>,
    {
        let mut heap = self.heap.lock();
        let before = heap.of.get(key).copied();
        if before.is_some_and(|before| before <= at) {
            return;
        }
        let key = key.to_owned();
        if let Some(before) = before {
            heap.order.remove(&(before, key.clone()));
        }
        let is_first = heap.order.first().is_none_or(|(first, _)| at < *first);
        heap.of.insert(key.clone(), at);
        heap.order.insert((at, key));
        drop(heap);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Waits until some are due, and takes them out.
    pub async fn due(&self) -> Vec<K> {
        loop {
            match self.take(Instant::now()) {
                Ok(due) => return due,
                Err(None) => self.earlier.notified().await,
                Err(Some(next)) => tokio::select! {
                    () = tokio::time::sleep_until(next.into()) => {}
                    () = self.earlier.notified() => {}
                },
            }
        }
    }

    /// Those that are due, or when the first of them will be.
    fn take(&self, now: Instant) -> Result<Vec<K>, Option<Instant>> {
        let mut heap = self.heap.lock();
        let mut due = Vec::new();
        while let Some((at, _)) = heap.order.first()
            && *at <= now
        {
            let (_, key) = heap.order.pop_first().expect("it is the first");
            heap.of.remove(&key);
            due.push(key);
        }
        match due.is_empty() {
            true => Err(heap.order.first().map(|(at, _)| *at)),
            false => Ok(due),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_is_due_once_at_the_earliest_of_its_times() {
        let deadlines = Deadlines::<String>::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(deadlines.take(at(9)), Err(None));
        deadlines.look_by("a", at(3));
        deadlines.look_by("a", at(5));
        deadlines.look_by("b", at(4));
        deadlines.look_by("b", at(2));
        assert_eq!(deadlines.take(at(1)), Err(Some(at(2))));
        assert_eq!(deadlines.take(at(2)), Ok(vec!["b".to_owned()]));
        assert_eq!(deadlines.take(at(9)), Ok(vec!["a".to_owned()]));
        assert_eq!(deadlines.take(at(9)), Err(None), "whoever looks says when to look again");
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_is_due_earlier() {
        let deadlines = std::sync::Arc::new(Deadlines::<String>::default());
        deadlines.look_by("later", Instant::now() + Duration::from_secs(3600));
        let waits = {
            let deadlines = deadlines.clone();
            tokio::spawn(async move { deadlines.due().await })
        };
        tokio::task::yield_now().await;
        deadlines.look_by("now", Instant::now());
        assert_eq!(waits.await.unwrap(), ["now"]);
    }
}
