//! Named cursors: readers' places, kept in the plan.
//!
//! A cursor says which record of its stream is wanted next. Whoever subscribes with its name begins there and acknowledges what it has
//! read; an acknowledgement is answered once it is durable. The newest reader has the cursor, and older ones can no longer move it.
//! Cursors hold back neither retention nor the removal of unused logs.
//!
//! Read [`dag_plan::cursor`] (what is kept), `table` (who reads with which, and what may happen), `reading` (subscriptions with a cursor),
//! then `manage` (all that the API does besides).

mod manage;
mod reading;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dag_lock::{Guard, Mutex};
use dag_model::IncarnationId;
use dag_plan::Cursor;

pub use dag_plan::Place;

use crate::metadata::Metadata;
pub(crate) use reading::Reader;
use table::Table;
pub(crate) use table::{CursorError, NotChanged, Wish};

/// The cursors of a node.
pub(crate) struct Cursors {
    metadata: Arc<Metadata>,
    /// Guards who reads with which cursor. Nothing is written and nobody is waited for while it is held.
    table: Mutex<Table>,
}

impl Cursors {
    /// Those of the plan; of some nothing can be read but the name, and why.
    pub fn new(metadata: Arc<Metadata>, broken: BTreeMap<String, String>) -> Cursors {
        Cursors { metadata, table: Mutex::new("cursors", Table::new(broken)) }
    }

    /// The incarnations that cursors are in.
    pub fn runs(&self) -> BTreeSet<IncarnationId> {
        self.names().into_iter().flat_map(|(_, runs)| runs).collect()
    }

    /// The cursors of derived streams by name, and the incarnations that each is in.
    pub fn names(&self) -> Vec<(String, BTreeSet<IncarnationId>)> {
        let plan = self.metadata.plan();
        let derived = plan.cursors().filter(|(_, cursor)| cursor.source.is_none());
        let runs = |cursor: &Cursor| cursor.place.legs.iter().map(|leg| IncarnationId(leg.run)).collect();
        derived.map(|(name, cursor)| (name.to_owned(), runs(cursor))).collect()
    }

    /// Sends away whoever reads with a cursor that is deleted.
    pub fn deleted(&self, name: &str) {
        self.table().expel(name, CursorError::Deleted(name.to_owned()));
    }

    /// One cursor.
    fn get(&self, name: &str) -> Result<Arc<Cursor>, CursorError> {
        self.metadata.plan().cursor(name).cloned().ok_or_else(|| self.table().none(name))
    }

    fn table(&self) -> Guard<'_, Table> {
        self.table.lock()
    }
}
