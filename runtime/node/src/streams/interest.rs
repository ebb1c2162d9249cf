//! Who needs to hear of a stream that has fallen silent: the node speaks for a `clock=node` stream only as long as somebody would see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dag_lock::Mutex;
use dag_model::{Frontier, Timestamp};

use crate::streams::heartbeat::GRACE_NS;

/// For how long after its last record a silent stream is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// In nanoseconds: results may still come of its records.
    For(i64),
    /// For ever: another stream may wait for this one to keep step.
    Ever,
}

impl Reach {
    /// What is of interest to who reads the results of whoever this is the reach of.
    pub fn beyond(self, own: Reach) -> Reach {
        match (self, own) {
            (Reach::For(above), Reach::For(own)) => Reach::For(above.saturating_add(own)),
            _ => Reach::Ever,
        }
    }

    /// Whether a stream that has got to that frontier, and whose newest record has that time, is of interest.
    pub fn hears(self, frontier: Frontier, newest: Timestamp) -> bool {
        match self {
            Reach::Ever => frontier != Frontier::Empty,
            Reach::For(reach) => frontier <= Frontier::At(newest.saturating_add(reach).saturating_add(GRACE_NS)),
        }
    }
}

/// Who is interested in which stream.
#[derive(Debug)]
pub(super) struct Interests {
    /// How many hold an interest of each reach, by stream. Nothing else is locked under it.
    held: Mutex<BTreeMap<String, BTreeMap<Reach, usize>>>,
}

/// Somebody needs to hear of a stream, until this is dropped.
#[derive(Debug)]
pub(crate) struct Interest {
    among: Arc<Interests>,
    stream: String,
    reach: Reach,
}

impl Default for Interests {
    fn default() -> Interests {
        Interests { held: Mutex::new("interests", BTreeMap::new()) }
    }
}

impl Interests {
    /// One more is interested in that stream.
    pub fn hold(self: &Arc<Self>, stream: String, reach: Reach) -> Interest {
        *self.held.lock().entry(stream.clone()).or_default().entry(reach).or_default() += 1;
        Interest { among: self.clone(), stream, reach }
    }

    /// The farthest reach of those who are interested in that stream; `None` where nobody is.
    pub fn of(&self, stream: &str) -> Option<Reach> {
        self.held.lock().get(stream)?.last_key_value().map(|(reach, _)| *reach)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut held = self.among.held.lock();
        let reaches = held.get_mut(&self.stream).expect("it is held until now");
        let count = reaches.get_mut(&self.reach).expect("it is counted until now");
        *count -= 1;
        if *count == 0 {
            reaches.remove(&self.reach);
        }
        if reaches.is_empty() {
            held.remove(&self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farthest_reach_counts_as_long_as_it_is_held() {
        let interests = Arc::new(Interests::default());
        assert_eq!(interests.of("x"), None);
        let near = interests.hold("x".to_owned(), Reach::For(5));
        let (far, same) = (interests.hold("x".to_owned(), Reach::Ever), interests.hold("x".to_owned(), Reach::Ever));
        assert_eq!(interests.of("x"), Some(Reach::Ever));
        drop(far);
        assert_eq!(interests.of("x"), Some(Reach::Ever), "another holds one of the same reach");
        drop(same);
        assert_eq!(interests.of("x"), Some(Reach::For(5)));
        drop(near);
        assert_eq!((interests.of("x"), interests.held.lock().len()), (None, 0));
    }

    #[test]
    fn a_silent_stream_is_heard_until_its_last_window_has_closed() {
        let at = |time| Frontier::At(Timestamp(time));
        let reach = Reach::For(7).beyond(Reach::For(3));
        assert!(reach.hears(at(100 + 10 + GRACE_NS), Timestamp(100)));
        assert!(!reach.hears(at(101 + 10 + GRACE_NS), Timestamp(100)));
        assert!(reach.beyond(Reach::Ever).hears(at(i64::MAX), Timestamp(100)));
        assert!(!Reach::Ever.hears(Frontier::Empty, Timestamp(100)), "nothing follows in a sealed stream");
    }
}
