//! How far a log is: which segments it has, what readers can see of it, what of it is durable.

use std::collections::VecDeque;
use std::sync::Arc;

use dag_model::{Frontier, Timestamp};
use tokio::sync::oneshot;

use crate::entry::Location;
use crate::segment::Segment;
use crate::{CommitError, Cut};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earliest {
    /// The earliest sequence that is kept.
    pub sequence: u64,
    /// All removed records are earlier than this; [`Timestamp::MIN`] when none was removed.
    pub complete_from: Timestamp,
}

/// Who waits for an append, to be told what became of it. Telling runs no code of theirs, so it may be done under any lock.
pub(crate) type Waiting = oneshot::Sender<Result<(), CommitError>>;

/// The place after an entry, and what a reader that is there sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) at: Location,
    pub(crate) visible: Visible,
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
    pub(crate) failed: Option<CommitError>,
    /// How often what was not acknowledged has been cut off after a failure.
    pub(crate) mended: u64,
    /// What was cut off when the log was opened.
    pub(crate) cut: Option<Cut>,
    /// Whether something may have been missing then that had been shown.
    pub(crate) unclean: bool,
    /// Whether something that had been durable was missing then.
    pub(crate) short: bool,
    /// Who waits for which place to be durable.
    waiting: Vec<(Location, Waiting)>,
}

impl Progress {
    pub(crate) fn new(segments: VecDeque<Arc<Segment>>, shown: Point, durable: Location) -> Progress {
        Progress {
            segments,
            leaving: VecDeque::new(),
            shown,
            durable,
            synced: durable,
            failed: None,
            mended: 0,
            cut: None,
            unclean: false,
            short: false,
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

    /// Notes what is durable; returns who waited for that.
    pub(crate) fn settle(&mut self, durable: Location) -> Vec<Waiting> {
        self.durable = self.durable.max(durable);
        self.synced = self.synced.max(durable);
        self.waiting.extract_if(.., |(at, _)| *at <= self.durable).map(|(_, waiting)| waiting).collect()
    }

    /// Notes that the log can't be written any more; returns who waits in vain.
    pub(crate) fn fail(&mut self, error: CommitError) -> Vec<Waiting> {
        self.failed.get_or_insert(error);
        self.waiting.drain(..).map(|(_, waiting)| waiting).collect()
    }

    /// Whether what is before `at` is durable, when the log had been mended so often; none while that is open.
    pub(crate) fn outcome(&self, at: Location, mended: u64) -> Option<Result<(), CommitError>> {
        match &self.failed {
            _ if mended < self.mended => Some(Err(CommitError("it was cut off after the disk had failed".into()))),
            _ if at <= self.durable => Some(Ok(())),
            Some(error) => Some(Err(error.clone())),
            None => None,
        }
    }

    /// Tells `waiting` the [`outcome`](Progress::outcome) once that is no longer open.
    pub(crate) fn wait(&mut self, at: Location, waiting: Waiting) {
        self.waiting.push((at, waiting));
    }

    /// The segment with that number, unless it was trimmed.
    pub(crate) fn segment(&self, number: u64) -> Option<&Arc<Segment>> {
        let first = self.segments.front()?.number;
        self.segments.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

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
