//! Runs that go on under another number, since this data is a copy of other data: the original goes on, too, and what follows in the one
//! is not what follows in the other. Positions under the old number are good up to where the copy was made, and are refused for ever
//! beyond.

use std::collections::BTreeMap;

use dag_model::{IncarnationId, Position};
use dag_plan::Plan;
use dag_plan::plan::Moved as Now;

/// What was copied with those after it is not what the reader has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{asked} is past what was copied of run {run}, which is {end} records: this node runs on a copy of other data, where others follow",
    run = asked.run
)]
pub struct NotCopied {
    /// What was asked for.
    pub asked: Position,
    /// The sequence after the last record that was copied.
    pub end: u64,
}

/// The runs that had other numbers, by those.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    runs: BTreeMap<IncarnationId, Now>,
}

impl Moved {
    /// Those of a plan.
    pub fn of(plan: &Plan) -> Moved {
        Moved { runs: plan.all_moved().collect() }
    }

    /// The position under the number that its run has now.
    pub fn present(&self, asked: Position) -> Result<Position, NotCopied> {
        match self.runs.get(&IncarnationId(asked.run)) {
            None => Ok(asked),
            Some(Now { end, .. }) if asked.sequence > *end => Err(NotCopied { asked, end: *end }),
            Some(now) => Ok(Position { run: now.id.0, ..asked }),
        }
    }

    /// The number that a run was given first: its operator's generator began with that.
    pub fn first(&self, id: IncarnationId) -> IncarnationId {
        self.runs.iter().find(|(_, now)| now.id == id).map_or(id, |(first, _)| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_of_the_original_is_good_up_to_where_the_copy_was_made() {
        let moved = Moved { runs: [(IncarnationId(4), Now { id: IncarnationId(900), end: 60 })].into() };
        let at = |run, sequence| Position { run, sequence };
        assert_eq!(moved.present(at(4, 60)), Ok(at(900, 60)));
        assert_eq!(moved.present(at(4, 61)), Err(NotCopied { asked: at(4, 61), end: 60 }));
        assert_eq!(moved.present(at(900, 61)), Ok(at(900, 61)));
        assert_eq!(
            (moved.first(IncarnationId(900)), moved.first(IncarnationId(5))),
            (IncarnationId(4), IncarnationId(5))
        );
    }
}
