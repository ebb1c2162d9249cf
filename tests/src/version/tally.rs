//! `tally(x)` counts and adds its version's offset, so that each result shows which version made it. What it was built with stands before
//! it: `VERSION`, `OFFSET`, `WRITTEN`, `READ`, `REFUSES`, `FAILS_AT`, and what it exports.

use dag_guest::{About, Fold, Operator, Present, Result, Timestamp};

dag_guest::state! {
    /// How many there were.
    pub struct Tally { count: i64 }
}

impl Operator for Tally {
    const ABOUT: About = About { name: "tally", doc: "Counts, and adds its version's offset.", example: "tally(x, 1s)" };
}

impl Fold for Tally {
    type Value = Present;
    type Result = i64;
    const STATE_WRITTEN: u32 = WRITTEN;
    const STATE_READ: &'static [u32] = READ;

    fn update(&mut self, _: &Present, _: Timestamp) -> Result {
        assert!(self.count < FAILS_AT, "it does not count so far");
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Tally) -> Result {
        if REFUSES {
            panic!("it does not combine");
        }
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<i64> {
        (self.count > 0).then_some(self.count + OFFSET)
    }
}

dag_guest::state! {
    /// Nothing but a second operator.
    pub struct Spare { count: i64 }
}

impl Operator for Spare {
    const ABOUT: About = About { name: "spare", doc: "Counts.", example: "spare(x, 1s)" };
}

impl Fold for Spare {
    type Value = Present;
    type Result = i64;

    fn update(&mut self, _: &Present, _: Timestamp) -> Result {
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Spare) -> Result {
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<i64> {
        Some(self.count)
    }
}
