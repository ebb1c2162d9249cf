//! What of the plan has changed.

use std::collections::BTreeSet;

use dag_lock::Mutex;
use dag_model::IncarnationId;
use dag_plan::Entity;
use tokio::sync::Notify;

/// The incarnations that have changed, for the one who compares them with what runs. There are at most as many as in the plan.
pub struct Changes {
    touched: Mutex<BTreeSet<IncarnationId>>,
    told: Notify,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes { touched: Mutex::new("changes", BTreeSet::new()), told: Notify::new() }
    }
}

impl Changes {
    /// Says what was touched.
    pub fn announce<'a>(&self, touched: impl IntoIterator<Item = &'a Entity>) {
        let incarnations = touched.into_iter().filter_map(|entity| match entity {
            Entity::Incarnation(id) => Some(*id),
            _ => None,
        });
        let mut waiting = self.touched.lock();
        waiting.extend(incarnations);
        if !waiting.is_empty() {
            self.told.notify_one();
        }
    }

    /// What has changed since this was asked last, once something has. Nothing is lost if the future is dropped.
    pub async fn next(&self) -> BTreeSet<IncarnationId> {
        loop {
            let touched = std::mem::take(&mut *self.touched.lock());
            if !touched.is_empty() {
                return touched;
            }
            self.told.notified().await;
        }
    }
}
