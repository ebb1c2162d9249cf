//! Named cursors: readers' places, kept by the node.
//!
//! A cursor says which record of its stream is wanted next. Whoever subscribes with its name begins there and acknowledges what it has
//! read; an acknowledgement is answered once it is durable. The newest reader has the cursor, and older ones can no longer move it.
//! Cursors hold back neither retention nor the removal of unused logs.
//!
//! Read [`crate::metadata::cursor`] (what is kept), `table` (what may happen), `group` (how many share one write), `reading` (subscriptions with a cursor), then
//! `manage` (all that the API does besides).

mod group;
mod manage;
mod reading;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dag_lock::{Guard, Mutex};
use dag_model::IncarnationId;
use tokio::sync::oneshot;

use crate::error::{Code, NodeError};
pub use crate::metadata::cursor::{Cursor, Place};
use crate::node::Node;
pub(crate) use group::NotKept;
use group::Outcome;
pub(crate) use reading::Reader;
use table::Table;
pub(crate) use table::{CursorError, Wish};

/// The cursors of a node.
pub(crate) struct Cursors(Mutex<Table>);

impl Cursors {
    /// Those that were kept, and those of which nothing can be read but the name, and why.
    pub fn new(kept: BTreeMap<String, Cursor>, broken: BTreeMap<String, String>) -> Cursors {
        Cursors(Mutex::new("cursors", Table::new(kept, broken)))
    }

    /// The runs that cursors are in.
    pub fn runs(&self) -> BTreeSet<IncarnationId> {
        let table = self.table();
        let legs = table.all().flat_map(|(_, cursor, _)| &cursor.place.legs);
        legs.map(|leg| IncarnationId(leg.run)).collect()
    }

    /// All cursors by name, and the runs that each is in.
    pub fn names(&self) -> Vec<(String, BTreeSet<IncarnationId>)> {
        let table = self.table();
        let derived = table.all().filter(|(_, cursor, _)| cursor.source.is_none());
        let runs = |cursor: &Cursor| cursor.place.legs.iter().map(|leg| IncarnationId(leg.run)).collect();
        derived.map(|(name, cursor, _)| (name.to_owned(), runs(cursor))).collect()
    }

    fn table(&self) -> Guard<'_, Table> {
        self.0.lock()
    }
}

/// A change that is being made durable.
pub(crate) struct Kept(oneshot::Receiver<Outcome>);

impl Kept {
    /// Returns once it is.
    pub async fn wait(self) -> Result<(), NodeError> {
        let outcome = self.0.await.map_err(|_| NodeError::new(Code::Busy, "the node is stopping"))?;
        Ok(outcome?)
    }
}

impl Node {
    /// Makes the cursor's change durable, together with all that come meanwhile.
    fn keep_cursor(&self, mut table: Guard<'_, Table>, name: &str) -> Kept {
        let (kept, start) = table.group.add(name);
        if start {
            let node = self.clone();
            tokio::task::spawn_blocking(move || dag_alarm::work("cursors", || node.write_cursors()));
        }
        Kept(kept)
    }

    fn write_cursors(&self) {
        loop {
            let mut table = self.inner.cursors.table();
            let Some(taken) = table.group.take() else { return };
            let rows: Vec<_> = taken.changed.iter().map(|name| (name.clone(), table.get(name).ok().cloned())).collect();
            drop(table);
            let result = self.inner.meta.put_cursors(&rows).map_err(|error| {
                tracing::error!(%error, "cursors cannot be kept");
                NotKept(Arc::new(error))
            });
            taken.done(&result);
        }
    }
}
