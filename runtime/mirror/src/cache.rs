//! The bodies of a mirror that are here, and those that readers wait for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arrow_buffer::Buffer;
use dag_log::{Bodies, Entry, ReadError, Thrown};

use crate::limits::Limits;
use crate::origin::Ring;
use crate::wire::Wanted;

/// The bodies of one mirror.
pub(crate) struct Cache {
    limits: Limits,
    /// Rung when a body is wanted, or nobody reads any more.
    ring: Ring,
    /// Guards what is here and what is waited for; taken last, and nothing is done under it but looking up.
    state: Mutex<State>,
    /// Something of that has changed that somebody waits for.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    here: BTreeMap<Wanted, Buffer>,
    /// The same, the oldest first.
    order: VecDeque<Wanted>,
    /// The size of what is here.
    bytes: usize,
    /// What somebody waits for.
    waiting: BTreeMap<Wanted, Waiting>,
    /// The sequence after the furthest body that somebody has read.
    read: u64,
    thrown: Option<Thrown>,
    closed: bool,
    /// Whether something has come that somebody wants who does not wait for it here.
    news: bool,
}

struct Waiting {
    /// How many wait here; others are told, and come back for it.
    readers: usize,
    is_wanted: bool,
    /// When something of it came last, or it was begun to wait.
    moved: Instant,
    /// It is not to be had: the earliest sequence that is left.
    trimmed: Option<u64>,
}

impl Cache {
    pub(crate) fn new(limits: Limits, ring: Ring) -> Arc<Cache> {
        Arc::new(Cache { limits, ring, state: Mutex::default(), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody waits for, in order.
    pub(crate) fn waiting(&self) -> Vec<Wanted> {
        let state = self.state();
        let open = state
            .waiting
            .iter()
            .filter(|(wanted, waiting)| waiting.trimmed.is_none() && !state.here.contains_key(*wanted));
        open.map(|(wanted, _)| *wanted).collect()
    }

    /// The sequence after the furthest body that somebody has read.
    pub(crate) fn read(&self) -> u64 {
        self.state().read
    }

    /// Whether a body is here.
    pub(crate) fn has(&self, wanted: &Wanted) -> bool {
        self.state().here.contains_key(wanted)
    }

    /// Whether nobody has a handle of the mirror any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// A body has come.
    pub(crate) fn put(&self, wanted: Wanted, body: Buffer) {
        let state = &mut *self.state();
        if state.here.contains_key(&wanted) {
            return;
        }
        state.bytes += body.len();
        state.here.insert(wanted, body);
        state.order.push_back(wanted);
        state.evict(&self.limits);
        if let Some(waiting) = state.waiting.get(&wanted) {
            state.news |= waiting.is_wanted;
            self.changed.notify_all();
        }
    }

    /// Some of a body has come.
    pub(crate) fn moved(&self, wanted: &Wanted, now: Instant) {
        if let Some(waiting) = self.state().waiting.get_mut(wanted) {
            waiting.moved = now;
        }
    }

    /// A body is not to be had any more.
    pub(crate) fn trimmed(&self, wanted: &Wanted, earliest: u64) {
        if let Some(waiting) = self.state().waiting.get_mut(wanted) {
            waiting.trimmed = Some(earliest);
            self.changed.notify_all();
        }
        self.state().news = true;
    }

    /// Whether something has come since this was asked that somebody wants who does not wait for it here.
    pub(crate) fn take_news(&self) -> bool {
        std::mem::take(&mut self.state().news)
    }

    /// Nothing will come any more.
    pub(crate) fn throw(&self, why: Thrown) {
        self.state().thrown.get_or_insert(why);
        self.changed.notify_all();
    }

    /// The size of what is here.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }
}

impl State {
    /// Lets the oldest go that nobody waits for, but for the one that came last.
    fn evict(&mut self, limits: &Limits) {
        // Whoever wanted it has not come back for it. Those who still want it are told, and say so.
        let before = self.waiting.len();
        self.waiting.retain(|_, waiting| waiting.readers > 0 || waiting.moved.elapsed() < limits.patience);
        self.news |= self.waiting.len() < before;
        let mut kept = VecDeque::new();
        while self.bytes > limits.cache
            && self.order.len() > 1
            && let Some(oldest) = self.order.pop_front()
        {
            if self.waiting.contains_key(&oldest) {
                kept.push_back(oldest);
            } else if let Some(body) = self.here.remove(&oldest) {
                self.bytes -= body.len();
            }
        }
        kept.append(&mut self.order);
        self.order = kept;
    }

    /// What becomes of who waits for a body; none as long as it may come.
    fn outcome(&self, wanted: &Wanted) -> Option<Result<Buffer, ReadError>> {
        let asked = wanted.first;
        if let Some(body) = self.here.get(wanted) {
            return Some(Ok(body.clone()));
        }
        match self.thrown {
            Some(Thrown::Cut { end, .. }) => return Some(Err(ReadError::Replaced { asked, end })),
            Some(Thrown::Trimmed { earliest }) => return Some(Err(ReadError::Trimmed { asked, earliest })),
            Some(Thrown::Removed) => return Some(Err(ReadError::Removed)),
            None => {}
        }
        let earliest = self.waiting.get(wanted)?.trimmed?;
        Some(Err(ReadError::Trimmed { asked, earliest }))
    }

    /// A body that is waited for from now on.
    fn wait(&mut self, wanted: Wanted) -> &mut Waiting {
        let begun = || Waiting { readers: 0, is_wanted: false, moved: Instant::now(), trimmed: None };
        let waiting = self.waiting.entry(wanted).or_insert_with(begun);
        if waiting.readers == 0 {
            waiting.moved = Instant::now();
        }
        waiting
    }

    /// One waits no more for a body, or has come back for it.
    fn leave(&mut self, wanted: &Wanted) {
        if let Some(waiting) = self.waiting.get_mut(wanted) {
            waiting.readers = waiting.readers.saturating_sub(1);
            if waiting.readers == 0 {
                self.waiting.remove(wanted);
            }
        }
    }
}

impl Bodies for Cache {
    fn get(&self, entry: &Entry) -> Result<Buffer, ReadError> {
        let wanted = Wanted::of(entry);
        let patience = self.limits.patience;
        let mut state = self.state();
        state.read = state.read.max(entry.end());
        if let Some(outcome) = state.outcome(&wanted) {
            if state.waiting.get(&wanted).is_some_and(|waiting| waiting.readers == 0) {
                state.leave(&wanted);
            }
            return outcome;
        }
        dag_lock::may_wait("records that are on another node");
        state.wait(wanted).readers += 1;
        drop(state);
        (self.ring)();
        let mut state = self.state();
        loop {
            let waited = state.waiting.get(&wanted).map_or(patience, |waiting| waiting.moved.elapsed());
            let away = (waited >= patience).then_some(Err(ReadError::Away { asked: wanted.first, waited }));
            if let Some(outcome) = state.outcome(&wanted).or(away) {
                state.leave(&wanted);
                return outcome;
            }
            state = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn is_here(&self, entry: &Entry) -> bool {
        self.has(&Wanted::of(entry))
    }

    fn want(&self, entry: &Entry) -> bool {
        let wanted = Wanted::of(entry);
        let mut state = self.state();
        if state.outcome(&wanted).is_some() {
            return true;
        }
        state.wait(wanted).is_wanted = true;
        drop(state);
        (self.ring)();
        false
    }

    fn close(&self) {
        self.state().closed = true;
        (self.ring)();
    }
}

/// What is put together of a body that comes in pieces.
pub(crate) struct Pieces {
    pub(crate) wanted: Wanted,
    bytes: Vec<u8>,
}

impl Pieces {
    pub(crate) fn new(wanted: Wanted) -> Pieces {
        Pieces { wanted, bytes: Vec::new() }
    }

    /// Takes in the next piece, and returns the body once it is whole; an error says what is wrong with it.
    pub(crate) fn take(&mut self, at: u32, bytes: &[u8]) -> Result<Option<Buffer>, String> {
        let length = self.wanted.length as usize;
        let fits = at as usize == self.bytes.len() && !bytes.is_empty() && self.bytes.len() + bytes.len() <= length;
        if !fits {
            return Err(format!(
                "{} bytes at {at} of a body of {length}, of which {} came",
                bytes.len(),
                self.bytes.len()
            ));
        }
        self.bytes.extend_from_slice(bytes);
        match self.bytes.len() == length {
            true => whole(self.wanted, &std::mem::take(&mut self.bytes)).map(Some),
            false => Ok(None),
        }
    }
}

/// A body that came, aligned for every column type; an error where it is not what was wanted.
pub(crate) fn whole(wanted: Wanted, bytes: &[u8]) -> Result<Buffer, String> {
    if bytes.len() != wanted.length as usize || crc32fast::hash(bytes) != wanted.checksum {
        return Err(format!("the body at sequence {} is not what its head says", wanted.first));
    }
    Ok(Buffer::from_slice_ref(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(first: u64, length: u32) -> Wanted {
        Wanted { first, length, checksum: 0 }
    }

    fn body(length: usize) -> Buffer {
        Buffer::from(vec![0_u8; length])
    }

    #[test]
    fn the_oldest_bodies_go_but_for_one_that_somebody_waits_for_and_the_newest() {
        let cache = Cache::new(Limits { cache: 100, ..Limits::default() }, Arc::new(|| ()));
        cache.state().wait(wanted(0, 40)).readers += 1;
        for first in 0..10 {
            cache.put(wanted(first, 40), body(40));
            assert!(cache.bytes() <= 100, "{}", cache.bytes());
        }
        let here: Vec<u64> = (0..10).filter(|first| cache.has(&wanted(*first, 40))).collect();
        assert_eq!(here, [0, 9]);
        cache.state().leave(&wanted(0, 40));
        cache.put(wanted(10, 400), body(400));
        assert_eq!(cache.bytes(), 400, "a body that is larger is kept until another comes");
        cache.put(wanted(11, 40), body(40));
        assert_eq!(cache.bytes(), 40);
    }

    #[test]
    fn a_body_that_is_not_what_its_head_says_is_none_however_it_comes() {
        let wanted = Wanted { first: 7, length: 8, checksum: crc32fast::hash(b"12345678") };
        assert!(whole(wanted, b"12345678").is_ok());
        assert!(whole(wanted, b"12345679").unwrap_err().contains("sequence 7"));
        let mut pieces = Pieces::new(wanted);
        assert_eq!(pieces.take(0, b"1234"), Ok(None));
        assert!(pieces.take(0, b"1234").is_err(), "twice");
        assert!(pieces.take(4, b"56789").is_err(), "too much");
        assert!(pieces.take(4, b"").is_err(), "nothing, which could go on for ever");
        assert_eq!(pieces.take(4, b"5678").unwrap().unwrap().as_slice(), b"12345678");
    }
}
