//! Refusing what a newer program wrote, before anything of it is changed.
//!
//! Who raises a version of entries raises that of segments, too, so that the headers of segments tell all; entries are looked at
//! all the same, lest one that is whole be taken for a torn one.

use std::io;
use std::path::Path;

use crate::OpenError;
use crate::framed::{self, PREFIX};
use crate::opened::io_error;
use crate::segment;
use dag_storage::Storage;

/// Looks at the versions of all segments of the log in `dir`, if there is one.
///
/// # Errors
/// [`OpenError::Newer`] for one that this program does not read.
pub(crate) fn check(storage: &dyn Storage, dir: &Path) -> Result<(), OpenError> {
    let names = match storage.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names.map_err(|source| io_error(dir, source))?,
    };
    for number in names.iter().filter_map(|name| segment::number(name)) {
        let path = segment::path(dir, number);
        let failed = |source| io_error(&path, source);
        let file = storage.open(&path).map_err(failed)?;
        let mut prefix = [0; PREFIX];
        if file.length().map_err(failed)? < PREFIX as u64 {
            continue;
        }
        file.read_at(&mut prefix, 0).map_err(failed)?;
        if let Some(found) = framed::newer(segment::MAGIC, &prefix) {
            return Err(OpenError::Newer { file: path, what: "segments", found, reads: framed::VERSION });
        }
    }
    Ok(())
}
