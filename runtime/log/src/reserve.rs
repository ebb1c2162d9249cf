//! The part of the disk that publishers can't fill, so that computations, metadata and whoever cleans up have room.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::AppendError;
use crate::storage::Storage;

/// What is asked of the file system at most this often while there is room.
const INTERVAL: Duration = Duration::from_secs(1);
/// And once so many bytes were appended to all logs, however short the time.
const BYTES: u64 = 4 << 20;

/// How much of the disk stays free.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    /// In percent of the disk; 0 for no reserve.
    percent: u8,
    found: Mutex<Found>,
}

/// What was found when it was looked at last.
#[derive(Debug, Default)]
struct Found {
    at: Option<Instant>,
    /// Bytes appended since.
    appended: u64,
    low: bool,
}

impl Reserve {
    pub(crate) fn new(percent: u8) -> Reserve {
        Reserve { percent, found: Mutex::default() }
    }

    /// Whether `bytes` more may be appended to a log in `dir`. While it is refused every call looks again, so that room
    /// counts at once.
    pub(crate) fn admit(&self, storage: &dyn Storage, dir: &Path, bytes: u64) -> Result<(), AppendError> {
        if self.percent == 0 {
            return Ok(());
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.appended += bytes;
        if !found.low && found.appended < BYTES && found.at.is_some_and(|at| at.elapsed() < INTERVAL) {
            return Ok(());
        }
        let space = storage.space(dir).map_err(|source| AppendError::io(dir, source))?;
        let kept = u64::try_from(u128::from(space.total) * u128::from(self.percent) / 100).unwrap_or(u64::MAX);
        let low = space.free < kept;
        *found = Found { at: Some(Instant::now()), appended: 0, low };
        match low {
            false => Ok(()),
            true => {
                let (dir, percent) = (dir.to_owned(), self.percent);
                Err(AppendError::Reserved { dir, free: space.free, total: space.total, percent })
            }
        }
    }
}
