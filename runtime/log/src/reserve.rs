//! The part of the disk that stays free, so that metadata, frontiers and whoever cleans up have room.
//!
//! Whoever writes much asks first. What can be made again stops before that: so a computation that fills the disk leaves room to publish
//! into.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{AppendError, Committer};
use dag_storage::{Space, Storage};

/// How long what was found counts, while there is room.
const INTERVAL: Duration = Duration::from_secs(1);
/// And for how many bytes, however short the time.
const BYTES: u64 = 4 << 20;
/// How long room is missed that somebody was refused: whoever still wants it has tried again by then.
const MISSED: Duration = Duration::from_secs(10);
/// The most that what can be made again leaves to others besides the reserve.
const MARGIN: u64 = 1 << 30;

/// What room is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// What was promised to somebody, or is needed to go on: records of sources, snapshots, components, backups.
    Kept,
    /// What can be made again: results, compiled code.
    Cache,
}

impl Claim {
    /// How many bytes stay free of a disk of that size, with a reserve in percent: for a cache twice the reserve, but no more than
    /// 1 GiB besides it, nor more than a half of the rest.
    fn leaves(self, percent: u8, total: u64) -> u64 {
        let reserve = u64::try_from(u128::from(total) * u128::from(percent.min(100)) / 100).unwrap_or(total);
        match self {
            Claim::Kept => reserve,
            Claim::Cache => reserve + reserve.min(MARGIN).min((total - reserve) / 2),
        }
    }
}

/// Why something may not be written.
#[derive(Debug, thiserror::Error)]
pub enum NoRoom {
    /// It would use up what stays free.
    #[error(
        "{dir}: {free} of {total} bytes of the disk are free, and {percent} % of them stay free{more} (`dag serve --disk-reserve`)",
        dir = dir.display(),
        more = match claim {
            Claim::Kept => "",
            Claim::Cache => ", and as many again (up to 1 GiB) of what can be computed again",
        },
    )]
    Reserved {
        /// Where it was to be written.
        dir: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes in all.
        total: u64,
        /// The reserve, in percent.
        percent: u8,
        /// What room was asked for.
        claim: Claim,
    },
    /// The disk does not say how much room there is.
    #[error("{dir}: {source}", dir = dir.display())]
    Unknown {
        /// Where it was to be written.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<NoRoom> for AppendError {
    fn from(why: NoRoom) -> AppendError {
        match why {
            NoRoom::Unknown { dir, source } => AppendError::io(&dir, source),
            reserved => AppendError::Reserved(reserved),
        }
    }
}

impl From<NoRoom> for io::Error {
    fn from(why: NoRoom) -> io::Error {
        match why {
            NoRoom::Unknown { source, .. } => source,
            reserved => io::Error::new(io::ErrorKind::StorageFull, reserved),
        }
    }
}

/// How much of the disk stays free.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    /// In percent of the disk; 0 for no reserve.
    percent: u8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    found: Option<Found>,
    /// What was refused last, and when.
    missed: Option<(Instant, Claim, u64)>,
}

/// What was found when it was looked at last.
#[derive(Debug)]
struct Found {
    at: Instant,
    space: Space,
    /// Bytes that were admitted since.
    admitted: u64,
}

impl Found {
    /// Whether that is recent enough to admit so many bytes more without another look.
    fn admits(&mut self, bytes: u64, kept: u64) -> bool {
        let admitted = self.admitted.saturating_add(bytes);
        let admits = admitted < BYTES && self.at.elapsed() < INTERVAL && has_room(self.space, admitted, kept);
        if admits {
            self.admitted = admitted;
        }
        admits
    }
}

impl Reserve {
    pub(crate) fn new(percent: u8) -> Reserve {
        Reserve { percent, state: Mutex::default() }
    }

    /// Whether `bytes` more may be written in `dir`. While it is refused every call looks again, so that room counts at once.
    fn admit(&self, storage: &dyn Storage, claim: Claim, dir: &Path, bytes: u64) -> Result<(), NoRoom> {
        if self.percent == 0 {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = &mut state.found
            && found.admits(bytes, claim.leaves(self.percent, found.space.total))
        {
            return Ok(());
        }
        let space = storage.space(dir).map_err(|source| NoRoom::Unknown { dir: dir.to_owned(), source })?;
        let admits = has_room(space, bytes, claim.leaves(self.percent, space.total));
        state.found = Some(Found { at: Instant::now(), space, admitted: if admits { bytes } else { 0 } });
        match admits {
            true => Ok(()),
            false => {
                state.missed = Some((Instant::now(), claim, bytes));
                let Space { free, total } = space;
                Err(NoRoom::Reserved { dir: dir.to_owned(), free, total, percent: self.percent, claim })
            }
        }
    }

    /// Whether there is no room for what was refused a moment ago, or for any more of a cache; without a reserve, whether the disk is full.
    fn is_short(&self, storage: &dyn Storage, dir: &Path) -> bool {
        // A disk that does not say how much room it has is not known to be full.
        let Ok(space) = storage.space(dir) else { return false };
        if self.percent == 0 {
            return space.free < BYTES;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |claim: Claim, bytes| has_room(space, bytes, claim.leaves(self.percent, space.total));
        state.missed = state.missed.filter(|(at, claim, bytes)| at.elapsed() < MISSED && !fits(*claim, *bytes));
        state.missed.is_some() || !fits(Claim::Cache, 0)
    }
}

fn has_room(space: Space, bytes: u64, kept: u64) -> bool {
    space.free >= kept.saturating_add(bytes)
}

impl Committer {
    /// Refuses to write while less than that percentage of the disk is free. What is made from now on obeys it.
    pub fn keep_free(self, percent: u8) -> Committer {
        self.with_reserve(Reserve::new(percent))
    }

    /// Asks for room for `bytes` more in `dir`, which lies on the disk of the logs. Whoever writes much there asks first: frontiers,
    /// what closes a log, and metadata need not.
    ///
    /// # Errors
    /// If they would use up what stays free, or the disk does not say.
    pub fn admit(&self, claim: Claim, dir: &Path, bytes: u64) -> Result<(), NoRoom> {
        self.reserve().admit(&**self.storage(), claim, dir, bytes)
    }

    /// Whether there is no room for what was refused a moment ago, or for any more of a cache: then what nobody uses of a cache is to go.
    pub fn is_short(&self, dir: &Path) -> bool {
        self.reserve().is_short(&**self.storage(), dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_leaves_more_free_than_the_reserve_and_has_some_room_itself() {
        let leaves = |percent| Claim::Cache.leaves(percent, 1_000);
        assert_eq!([0, 5, 10, 33, 50, 90, 100].map(leaves), [0, 100, 200, 660, 750, 950, 1_000]);
        assert_eq!(Claim::Kept.leaves(10, 1_000), 100);
        assert_eq!(Claim::Cache.leaves(10, 100 << 30), 11 << 30, "a large disk need not be kept empty");
    }
}
