//! Messages that wait to be sent, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Messages that wait.
pub(crate) struct Queue {
    most: usize,
    /// Guards what waits, and its bytes; nothing else happens under it.
    waiting: Mutex<(VecDeque<Bytes>, usize)>,
    more: Notify,
}

impl Queue {
    /// Of at most so many bytes.
    pub(crate) fn new(most: usize) -> Queue {
        Queue { most, waiting: Mutex::default(), more: Notify::new() }
    }

    /// Puts one last, or says how many bytes wait where it finds no room.
    pub(crate) fn push(&self, message: Bytes) -> Result<(), usize> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (messages, bytes) = &mut *waiting;
        let size = size(&message);
        if *bytes + size > self.most {
            return Err(*bytes);
        }
        *bytes += size;
        messages.push_back(message);
        drop(waiting);
        self.more.notify_one();
        Ok(())
    }

    /// The first one, once there is one. It counts as waiting until [`Queue::sent`].
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            let more = self.more.notified();
            if let Some(message) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).0.pop_front() {
                return message;
            }
            more.await;
        }
    }

    /// A message of so many bytes does not wait any more.
    pub(crate) fn sent(&self, length: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.1 = waiting.1.saturating_sub(length + OVERHEAD);
    }

    /// Nothing waits.
    pub(crate) fn clear(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = (VecDeque::new(), 0);
    }
}

/// What a message takes besides its bytes.
const OVERHEAD: usize = 64;

fn size(message: &Bytes) -> usize {
    message.len() + OVERHEAD
}
