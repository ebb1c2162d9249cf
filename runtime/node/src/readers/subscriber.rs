//! What a subscription is told: by what computes for it, and by whoever takes its cursor.

use std::sync::{Arc, OnceLock};

use dag_plan::LeaseId;

use crate::computations::end::Ended;
use crate::computations::news::Listener;
use crate::metadata::new_number;
use crate::readers::error::ReaderError;

/// Who reads.
pub(crate) struct Subscriber {
    /// Where it is told what becomes of what it reads.
    pub listener: Arc<Listener>,
    /// Why it is sent away.
    dismissed: OnceLock<ReaderError>,
    /// Tells the subscriber from others who ask for its notices.
    secret: u64,
    /// The source that it reads itself.
    source: Option<String>,
}

impl Subscriber {
    /// A subscriber, and the source that it reads itself, if it does.
    pub fn new(source: Option<String>) -> Subscriber {
        Subscriber { listener: Arc::new(Listener::new()), dismissed: OnceLock::new(), secret: new_number(), source }
    }

    /// Its lease and its secret, as one text.
    pub fn id(&self, lease: LeaseId) -> String {
        format!("{}-{:016x}", lease.0, self.secret)
    }

    /// The source that it reads itself.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Why it cannot go on, if it cannot.
    pub fn failure(&self) -> Option<ReaderError> {
        self.dismissed.get().cloned().or_else(|| self.listener.ended().cloned().map(ReaderError::from))
    }

    /// It is sent away, unless what it reads has ended before.
    pub fn dismiss(&self, why: ReaderError) {
        if self.listener.ended().is_none() {
            // The first reason is the one that counts.
            let _ = self.dismissed.set(why);
        }
        self.listener.wake();
    }
}

impl From<Ended> for ReaderError {
    fn from(ended: Ended) -> ReaderError {
        match ended {
            Ended::Failed(why) => ReaderError::Stopped(why),
            Ended::Lost { stream, why } => ReaderError::Lacking { stream, why },
        }
    }
}
