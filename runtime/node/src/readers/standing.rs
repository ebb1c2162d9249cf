//! Where a position stands to what its log holds: the same for sources and derived streams, for who reads and who acknowledges.

use dag_log::{Log, ReadError};
use dag_model::Position;
use dag_plan::LogId;

use crate::computations::View;

/// Where a position stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its record is kept, or is the next to come.
    Kept,
    /// The log ends before it, but may have been longer before the node was started, and is being computed again: it is waited for.
    Ahead,
    /// No record has ever had it.
    PastEnd {
        /// The position that the next record gets.
        end: Position,
    },
    /// Retention has removed its record.
    Trimmed {
        /// How many records are lost to who goes on from there.
        lost: u64,
        /// The earliest that is left.
        earliest: Position,
    },
    /// A crash took its record, under durability `os`.
    Lost {
        /// The position after the last that is left of its epoch.
        end: Position,
    },
}

/// Why nobody can go on from a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// No record has ever had it.
    #[error("{position} is past the end of `{stream}`, which is {end}")]
    PastEnd {
        /// The position.
        position: Position,
        /// Its stream.
        stream: String,
        /// The position that the next record gets.
        end: Position,
    },
    /// Retention has removed its record.
    #[error("{position} is no longer kept: {lost} records are lost, the earliest is {earliest}")]
    Trimmed {
        /// The position.
        position: Position,
        /// How many records are lost from there on.
        lost: u64,
        /// The earliest that is left.
        earliest: Position,
    },
    /// A crash took its record.
    #[error(
        "{position} was lost in a crash, or is of a stream that was deleted; what is left of its epoch ends at {end}"
    )]
    Lost {
        /// The position.
        position: Position,
        /// The position after the last that is left of its epoch.
        end: Position,
    },
}

/// Where a position of that log stands; none where the log is not there.
pub fn standing(view: &View<'_>, id: &LogId, position: Position) -> Option<Standing> {
    let log = view.log(id)?;
    Some(match id {
        LogId::Source(_) => of_source(&log, position),
        LogId::Derived(run) => of_derived(&log, position, *run > view.last_before),
    })
}

/// Refuses a position of `stream` from which nobody could go on.
pub fn check_position(view: &View<'_>, stream: &str, id: &LogId, position: Position) -> Result<(), NotThere> {
    match standing(view, id, position) {
        None | Some(Standing::Kept | Standing::Ahead) => Ok(()),
        Some(Standing::PastEnd { end }) => Err(NotThere::PastEnd { position, stream: stream.to_owned(), end }),
        Some(Standing::Trimmed { lost, earliest }) => Err(NotThere::Trimmed { position, lost, earliest }),
        Some(Standing::Lost { end }) => Err(NotThere::Lost { position, end }),
    }
}

fn of_source(log: &Log, position: Position) -> Standing {
    let visible = log.visible();
    let end = Position { run: visible.epoch, sequence: visible.end };
    match log.check(position.run, position.sequence) {
        Err(ReadError::Trimmed { earliest, .. }) => {
            let first = Position { run: log.epoch_at(earliest), sequence: earliest };
            Standing::Trimmed { lost: earliest - position.sequence, earliest: first }
        }
        Err(ReadError::Lost { epoch, end, .. }) => Standing::Lost { end: Position { run: epoch, sequence: end } },
        _ if position.sequence > visible.end => Standing::PastEnd { end },
        Err(ReadError::PastEnd { .. }) => Standing::PastEnd { end },
        // What cannot be read is told when it is read.
        Ok(()) | Err(_) => Standing::Kept,
    }
}

/// `new` where the run began with this process: then all that was ever shown of it is there. So it is where the run has ended, for that
/// is kept once all of its output is durable.
fn of_derived(log: &Log, position: Position, new: bool) -> Standing {
    let (visible, earliest) = (log.visible(), log.earliest().sequence);
    if position.sequence > visible.end {
        return match new || visible.ended {
            true => Standing::PastEnd { end: Position { sequence: visible.end, ..position } },
            false => Standing::Ahead,
        };
    }
    match earliest.checked_sub(position.sequence) {
        Some(lost) if lost > 0 => Standing::Trimmed { lost, earliest: Position { sequence: earliest, ..position } },
        _ => Standing::Kept,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
    use dag_log::{Committer, Durability, Options, Retention};
    use dag_model::{Frontier, Timestamp, schema_of};

    use super::*;

    fn at(run: u64, sequence: u64) -> Position {
        Position { run, sequence }
    }

    /// A log of ten records, the first six of which retention has removed where `trimmed`.
    fn log(folder: &tempfile::TempDir, durability: Durability, trimmed: bool) -> Log {
        let batch = |from: i64| {
            let times = TimestampNanosecondArray::from_iter_values(from..from + 2).with_timezone("UTC");
            let values: Vec<(&str, ArrayRef)> =
                vec![("time", Arc::new(times)), ("value", Arc::new(Int64Array::from_iter_values(from..from + 2)))];
            RecordBatch::try_from_iter(values).unwrap()
        };
        let schema = schema_of(&batch(0).schema()).unwrap();
        let retention = Retention { age: None, bytes: trimmed.then_some(1) };
        let options = Options { segment_bytes: 1, durability, retention };
        let log = Log::create(folder.path(), &schema, options, &Committer::new()).unwrap();
        for from in [0, 2, 4, 6, 8] {
            log.append(&batch(from), Frontier::START, Timestamp(0)).unwrap();
            log.sync().wait().unwrap();
        }
        log.trim(Timestamp(0)).unwrap();
        log
    }

    #[test]
    fn a_position_of_a_source_is_kept_past_the_end_or_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(&folder, Durability::Fsync, true);
        assert_eq!(of_source(&log, at(1, 10)), Standing::Kept, "the next to come");
        assert_eq!(of_source(&log, at(1, 11)), Standing::PastEnd { end: at(1, 10) });
        assert_eq!(of_source(&log, at(9, 10)), Standing::PastEnd { end: at(1, 10) }, "no epoch has come so far");
        let earliest = log.earliest().sequence;
        assert!(earliest > 0);
        assert_eq!(of_source(&log, at(1, 0)), Standing::Trimmed { lost: earliest, earliest: at(1, earliest) });
    }

    #[test]
    fn a_position_of_a_run_is_past_the_end_where_nothing_of_it_can_have_been_lost() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(&folder, Durability::Derived, false);
        assert_eq!(of_derived(&log, at(6, 10), true), Standing::Kept);
        assert_eq!(of_derived(&log, at(6, 11), true), Standing::PastEnd { end: at(6, 10) });
        assert_eq!(of_derived(&log, at(6, 11), false), Standing::Ahead, "a crash may have taken it");
        log.end(Frontier::Empty, Timestamp(0)).unwrap();
        assert_eq!(of_derived(&log, at(6, 11), false), Standing::PastEnd { end: at(6, 10) }, "all of it is there");
    }
}
