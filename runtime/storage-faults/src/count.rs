//! What operations cost, for a test that compares it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::{Around, Operation};

/// Appends a line to a file for each sync of a file or a folder: `sync 1`, or `metadata sync 1`.
#[derive(Debug)]
pub struct Counts(File);

impl Counts {
    /// Appends to that file.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub fn to(path: &Path) -> Counts {
        Counts(File::options().append(true).create(true).open(path).expect("a test's file"))
    }
}

impl Around for Counts {
    fn before(&self, operation: Operation, path: &Path) {
        if matches!(operation, Operation::Sync | Operation::SyncDir) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let line = if name == "meta.redb" { "metadata sync 1\n" } else { "sync 1\n" };
            // One write is one line, whoever else writes.
            (&self.0).write_all(line.as_bytes()).expect("a test's file");
        }
    }
}
