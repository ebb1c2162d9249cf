//! `join`: records of two streams that meet within some time.
//!
//! Both inputs come merged by time. Records of one time are kept back until all of that time are known; then each is matched with
//! what is kept of the other side, so a pair is emitted at its later record's time. Pairs come by (time, left, right), where
//! records of an input are numbered as they come: by time, and at one time as in its log. What is too old for any record that may
//! still come is forgotten.
//!
//! Read `condition`, `side`, then `pairs`.

mod condition;
mod pairs;
mod side;

use condition::Condition;
use dag_guest::{About, AlignedBytes, Column, Duration, Frame, Input, Inputs, Lookback, MatchText, Opened, Operator};
use dag_guest::{Output, Result, State, Timestamp, Transform, encode, state};
use pairs::{Pairs, Part};
use side::Side;

/// How many parts one call looks at, though the condition may let none of their pairs through.
const MOST_PARTS: usize = 64;

/// `join(a as l, b as r, on=host, within=5min)`: the pairs of a left and a right record with equal keys whose times lie at most so
/// far apart.
#[derive(Debug)]
pub struct Join {
    condition: Condition,
    within: i64,
    left: Side,
    right: Side,
    /// No record earlier than this will come; none means that no record at all will.
    frontier: Option<Timestamp>,
    /// Pairs of one time that are not all emitted yet.
    pairs: Option<Pairs>,
}

dag_guest::arguments! {
    /// What `join` takes.
    pub struct JoinArguments {
        /// Columns that both inputs have and that must be equal, or a condition such as (l.host = r.node).
        named on: MatchText,
        /// How far apart the two times may lie.
        named within: Duration,
    }
}

dag_guest::state! {
    /// What a snapshot holds besides the records.
    struct Progress { frontier: Option<Timestamp>, left_pending: i64, right_pending: i64 }
}

impl Operator for Join {
    const ABOUT: About = About {
        name: "join",
        doc: "Pairs of records of two streams that match and lie close in time, at the later one's time.",
        example: "join(cpu_util as l, mem_util as r, on=host, within=5min)",
    };
}

impl Transform for Join {
    type Arguments = JoinArguments;
    const MIN_INPUTS: u32 = 2;
    const MAX_INPUTS: Option<u32> = Some(2);

    fn open(arguments: JoinArguments, inputs: &[Input]) -> Result<Opened<Join>> {
        let JoinArguments { on, within: Duration(within) } = arguments;
        let lookback = u64::try_from(within).map_err(|_| "within: a distance in time is not negative".to_owned())?;
        let [left, right] = inputs else { unreachable!("the number of inputs is checked before") };
        let condition = Condition::bind(&on, left, right)?;
        let schema = condition.output_schema(left, right)?;
        let join = Join {
            left: Side::new(&left.schema, condition.left_key()),
            right: Side::new(&right.schema, condition.right_key()),
            condition,
            within,
            frontier: Some(Timestamp(i64::MIN)),
            pairs: None,
        };
        Ok(Opened::ordered(join, schema, Lookback::Duration(lookback)))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        self.left.append(&inputs.batches()[0]);
        self.right.append(&inputs.batches()[1]);
        self.emit(out);
        Ok(())
    }

    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        self.frontier = frontier;
        self.emit(out);
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        if self.pairs.is_some() {
            return Err("join: no snapshot can be taken while there is more output".to_owned());
        }
        let progress = Progress {
            frontier: self.frontier,
            left_pending: self.left.pending() as i64,
            right_pending: self.right.pending() as i64,
        };
        let columns = state::save_all([&progress]);
        let progress = encode(1, &columns.iter().map(Column::view).collect::<Vec<_>>());
        Ok(vec![progress, self.left.save(), self.right.save()])
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        let [progress, left, right] = chunks else {
            return Err(format!("join saves 3 chunks, these are {}", chunks.len()));
        };
        let bytes = AlignedBytes::copy(progress);
        let frame = Frame::parse(&bytes).map_err(|error| error.to_string())?;
        state::check_columns::<Progress>(frame.columns())?;
        if frame.rows() != 1 {
            return Err(format!("join saves its progress in one row, these are {}", frame.rows()));
        }
        let progress = Progress::load(frame.columns(), 0)?;
        self.frontier = progress.frontier;
        self.left.load(left, progress.left_pending as usize)?;
        self.right.load(right, progress.right_pending as usize)
    }
}

impl Join {
    /// Emits the pairs of all times that are complete, as far as the output has room.
    fn emit(&mut self, out: &mut Output) {
        let mut part = Part::default();
        let mut parts = 0;
        while let Some(time) = self.next_time() {
            if self.pairs.is_none() && !self.is_complete(time) {
                out.hold(time);
                break;
            }
            if out.is_full() || parts == MOST_PARTS {
                out.hold(time);
                out.more();
                break;
            }
            let (left, right) = (&mut self.left, &mut self.right);
            let pairs = self.pairs.get_or_insert_with(|| Pairs::of(time, self.within, left, right));
            pairs.drain(&self.right, &mut part);
            if part.is_full() {
                part.emit(&self.condition, &self.left, &self.right, out);
                parts += 1;
            }
            self.pairs.take_if(|pairs| pairs.is_empty());
        }
        part.emit(&self.condition, &self.left, &self.right, out);
        if self.pairs.is_none() {
            self.forget();
        }
    }

    /// The time whose pairs come next.
    fn next_time(&self) -> Option<Timestamp> {
        let waiting = self.left.next_time().into_iter().chain(self.right.next_time()).min();
        self.pairs.as_ref().map(Pairs::time).or(waiting)
    }

    /// Whether all records of that time have come: a later one has, or the frontier has passed it.
    fn is_complete(&self, time: Timestamp) -> bool {
        let latest = self.left.last_time().max(self.right.last_time());
        latest > Some(time) || self.frontier.is_none_or(|frontier| time < frontier)
    }

    /// Forgets what cannot meet any record any more.
    fn forget(&mut self) {
        // A record that comes, or waits, is not earlier than this.
        let earliest = self.next_time().or(self.frontier);
        let horizon =
            earliest.map_or(Timestamp(i64::MAX), |earliest| Timestamp(earliest.0.saturating_sub(self.within)));
        self.left.forget(horizon);
        self.right.forget(horizon);
    }
}

#[cfg(test)]
mod tests;
