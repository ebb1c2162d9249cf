//! The open files of a log, shared by all its readers.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::segment::Segment;
use dag_storage::{Storage, StorageFile};

/// The most files that a log keeps open for reading.
const MAX_OPEN: usize = 4;

/// The files used last, the latest in front.
#[derive(Default)]
pub(crate) struct Files {
    open: Mutex<VecDeque<(u64, Arc<dyn StorageFile>)>>,
}

impl Files {
    /// Closes all of them.
    pub(crate) fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The file of a segment.
    pub(crate) fn get(&self, storage: &dyn Storage, segment: &Segment) -> io::Result<Arc<dyn StorageFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = open.iter().position(|(number, _)| *number == segment.number) {
            open.swap(0, index);
            return Ok(open[0].1.clone());
        }
        let file = storage.open(&segment.path)?;
        open.push_front((segment.number, file.clone()));
        open.truncate(MAX_OPEN);
        Ok(file)
    }
}
