//! How far a log is: which segments it has, what readers can see of it, what of it is durable.

use std::collections::VecDeque;
use std::sync::Arc;

use dag_model::{Frontier, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::entry::Location;
use crate::segment::Segment;
use crate::{CommitError, Cut, ReadError};

/// What readers can see of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The epoch of the next record.
    pub epoch: u64,
    /// The index of the last visible append; 0 where there is none that has one.
    pub index: u64,
    /// The sequence after the last visible record.
    pub end: u64,
    /// The frontier there.
    pub frontier: Frontier,
    /// The greatest time of any record so far, trimmed ones included; [`Timestamp::MIN`] when there was none.
    pub max_time: Timestamp,
    /// Whether the incarnation that wrote it is at its end.
    pub ended: bool,
}

/// What is left at the front of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earliest {
    /// The earliest sequence that is kept.
    pub sequence: u64,
    /// All removed records are earlier than this; [`Timestamp::MIN`] when none was removed.
    pub complete_from: Timestamp,
}

/// Why a mirror has been thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thrown {
    /// Its origins have cut that epoch below what it has of it: up to that sequence it is the same.
    Cut {
        /// The epoch of the last append that it had.
        epoch: u64,
        /// The sequence after the last record that is left of that epoch.
        end: u64,
    },
    /// Its origins have trimmed what comes next.
    Trimmed {
        /// The earliest that is left.
        earliest: u64,
    },
    /// Its origins have removed the log.
    Removed,
}

/// Who waits for an append, to be told what became of it. Telling runs no code of theirs, so it may be done under any lock.
pub(crate) type Waiting = oneshot::Sender<Result<(), CommitError>>;

/// The place after an entry, and what a reader that is there sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) at: Location,
    pub(crate) visible: Visible,
    /// How many of its records came late.
    pub(crate) late: u64,
}

/// How far a log is.
pub(crate) struct Progress {
    /// Ascending and without gaps; the last one is written to.
    pub(crate) segments: VecDeque<Arc<Segment>>,
    /// Segments that no reader sees any more and whose files are yet to be removed, ascending.
    pub(crate) leaving: VecDeque<Arc<Segment>>,
    pub(crate) shown: Point,
    /// All that anybody waits for is durable up to here.
    pub(crate) durable: Location,
    /// All bytes of the log are durable up to here, which is what entries say.
    pub(crate) synced: Location,
    /// Up to where that has been said beside the log, while it is open.
    pub(crate) said: Location,
    pub(crate) failed: Option<CommitError>,
    /// How often what was not acknowledged has been cut off after a failure.
    pub(crate) mended: u64,
    /// What was cut off when the log was opened.
    pub(crate) cut: Option<Cut>,
    /// Whether something may have been missing then that had been shown.
    pub(crate) unclean: bool,
    /// Whether something that had been durable was missing then.
    pub(crate) short: bool,
    /// The index of the last append that is durable.
    pub(crate) durable_index: u64,
    /// Whether what is durable is committed.
    pub(crate) alone: bool,
    /// Of a mirror: what is left at the front of its origins' logs, which may begin before it.
    pub(crate) front: Option<Earliest>,
    /// Of a mirror: why nobody reads it any more.
    pub(crate) thrown: Option<Thrown>,
    /// Who waits for which place, and until when.
    waiting: Vec<(Location, Until, Waiting)>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Durable,
    Committed,
}

impl Progress {
    pub(crate) fn new(segments: VecDeque<Arc<Segment>>, shown: Point, durable: Location) -> Progress {
        Progress {
            segments,
            leaving: VecDeque::new(),
            shown,
            durable,
            synced: durable,
            said: Location { segment: 0, offset: 0 },
            failed: None,
            mended: 0,
            cut: None,
            unclean: false,
            short: false,
            durable_index: 0,
            alone: true,
            front: None,
            thrown: None,
            waiting: Vec::new(),
        }
    }

    /// Shows what is before `point`; says whether that is more than before.
    pub(crate) fn show(&mut self, point: Point) -> bool {
        let more = point.at > self.shown.at;
        if more {
            self.shown = point;
        }
        more
    }

    /// Notes that what is before `point` is durable; returns who waited for that, and whether there is more to see.
    pub(crate) fn settle(&mut self, point: Point) -> (Vec<Waiting>, bool) {
        self.durable = self.durable.max(point.at);
        self.synced = self.synced.max(point.at);
        self.durable_index = self.durable_index.max(point.visible.index);
        let shown = self.alone && self.show(point);
        (self.served(), shown)
    }

    /// Those who need not wait any more.
    pub(crate) fn served(&mut self) -> Vec<Waiting> {
        let (durable, committed) = (self.durable, self.shown.at);
        let is_served = |(at, until, _): &mut (Location, Until, Waiting)| match until {
            Until::Durable => *at <= durable,
            Until::Committed => *at <= committed,
        };
        self.waiting.extract_if(.., is_served).map(|(.., waiting)| waiting).collect()
    }

    /// Notes that the log can't be written any more; returns who waits in vain.
    pub(crate) fn fail(&mut self, error: CommitError) -> Vec<Waiting> {
        self.failed.get_or_insert(error);
        self.waiting.drain(..).map(|(.., waiting)| waiting).collect()
    }

    /// Whether what is before `at` is durable, or committed, when the log had been mended so often; none while that is open.
    pub(crate) fn outcome(&self, at: Location, until: Until, mended: u64) -> Option<Result<(), CommitError>> {
        let reached = match until {
            Until::Durable => self.durable,
            Until::Committed => self.shown.at,
        };
        match &self.failed {
            _ if mended < self.mended => Some(Err(CommitError("it was cut off after the disk had failed".into()))),
            _ if at <= reached => Some(Ok(())),
            Some(error) => Some(Err(error.clone())),
            None => None,
        }
    }

    /// Tells `waiting` the [`outcome`](Progress::outcome) once that is no longer open.
    pub(crate) fn wait(&mut self, at: Location, until: Until, waiting: Waiting) {
        self.waiting.push((at, until, waiting));
    }

    /// The segment with that number, unless it was trimmed.
    pub(crate) fn segment(&self, number: u64) -> Option<&Arc<Segment>> {
        let first = self.segments.front()?.number;
        self.segments.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Why nobody reads on at that sequence; none as long as somebody may.
    pub(crate) fn gone(&self, asked: u64) -> Option<ReadError> {
        match self.thrown {
            Some(Thrown::Cut { epoch, end }) if asked > end => Some(ReadError::Lost { epoch, asked, end }),
            Some(Thrown::Cut { end, .. }) => Some(ReadError::Replaced { asked, end }),
            // What comes before is here, with what is not of it elsewhere.
            Some(Thrown::Trimmed { earliest }) if asked >= self.shown.visible.end => {
                Some(ReadError::Trimmed { asked, earliest })
            }
            Some(Thrown::Removed) => Some(ReadError::Removed),
            _ => self.segments.is_empty().then_some(ReadError::Removed),
        }
    }

    /// What is left of what it has itself.
    pub(crate) fn earliest(&self) -> Earliest {
        let Some(first) = self.segments.front() else {
            return Earliest { sequence: self.shown.visible.end, complete_from: self.shown.visible.max_time };
        };
        let start = first.index().start();
        let complete_from = match start.max_time {
            Timestamp::MIN => Timestamp::MIN,
            removed => removed.saturating_add(1),
        };
        Earliest { sequence: start.sequence, complete_from }
    }
}
