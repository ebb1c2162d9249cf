//! Who wants to hear of new entries.

use std::sync::{Arc, Mutex, PoisonError, Weak};

type Notify = Arc<dyn Fn() + Send + Sync>;

/// The registrations of a log.
#[derive(Default)]
pub(crate) struct Watches {
    /// Replaced on change, so that a notification holds no lock while it calls.
    list: Mutex<Arc<Vec<(u64, Notify)>>>,
}

impl Watches {
    /// Registers `notify` until the watch is dropped.
    pub(crate) fn register(self: &Arc<Self>, notify: Notify) -> Watch {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let id = list.last().map_or(0, |(id, _)| id + 1);
        *list = Arc::new(list.iter().cloned().chain([(id, notify)]).collect());
        Watch { watches: Arc::downgrade(self), id }
    }

    /// Calls all that are registered.
    pub(crate) fn notify(&self) {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        list.iter().for_each(|(_, notify)| notify());
    }
}

/// A registration made by [`Log::on_visible`](crate::Log::on_visible), ended by dropping it.
///
/// A call that is under way on another thread at that moment may still come.
#[must_use = "dropping it ends the registration"]
pub struct Watch {
    watches: Weak<Watches>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(watches) = self.watches.upgrade() {
            let mut list = watches.list.lock().unwrap_or_else(PoisonError::into_inner);
            *list = Arc::new(list.iter().filter(|(id, _)| *id != self.id).cloned().collect());
        }
    }
}
