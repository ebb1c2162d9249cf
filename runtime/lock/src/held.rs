//! Which locks a thread holds, and since when. All of it is nothing in a release build.

use std::time::Duration;

/// Says that what follows may take its time: a file, a guest, somebody else's code.
///
/// # Panics
/// In a debug build, if this thread holds a lock.
#[inline]
pub fn may_wait(what: &str) {
    #[cfg(debug_assertions)]
    debug::may_wait(what);
    let _ = what;
}

/// The longest that each lock was held, by name; nothing in a release build.
pub fn longest() -> Vec<(&'static str, Duration)> {
    #[cfg(debug_assertions)]
    return debug::longest();
    #[cfg(not(debug_assertions))]
    Vec::new()
}

/// Lives as long as a guard.
#[derive(Debug)]
pub(crate) struct Held {
    #[cfg(debug_assertions)]
    name: &'static str,
    #[cfg(debug_assertions)]
    since: std::time::Instant,
}

impl Held {
    /// This thread has just taken the lock of that name.
    #[inline]
    pub fn new(name: &'static str) -> Held {
        #[cfg(debug_assertions)]
        return debug::taken(name);
        #[cfg(not(debug_assertions))]
        {
            let _ = name;
            Held {}
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Held {
    fn drop(&mut self) {
        debug::released(self);
    }
}

#[cfg(debug_assertions)]
mod debug {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    use super::Held;

    thread_local! {
        static HELD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    static LONGEST: Mutex<BTreeMap<&'static str, Duration>> = Mutex::new(BTreeMap::new());

    pub fn may_wait(what: &str) {
        HELD.with_borrow(|held| assert!(held.is_empty(), "{what} is waited for under {held:?}"));
    }

    pub fn longest() -> Vec<(&'static str, Duration)> {
        let longest = LONGEST.lock().unwrap_or_else(PoisonError::into_inner);
        longest.iter().map(|(name, time)| (*name, *time)).collect()
    }

    pub fn taken(name: &'static str) -> Held {
        HELD.with_borrow_mut(|held| held.push(name));
        Held { name, since: Instant::now() }
    }

    pub fn released(held: &Held) {
        let Held { name, since } = held;
        HELD.with_borrow_mut(|held| {
            let at = held.iter().rposition(|other| other == name);
            held.remove(at.expect("a guard is dropped where it was made"));
        });
        let mut longest = LONGEST.lock().unwrap_or_else(PoisonError::into_inner);
        let most = longest.entry(name).or_default();
        *most = since.elapsed().max(*most);
    }
}
