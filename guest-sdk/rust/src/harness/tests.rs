//! The checks find what breaks the contract.

use super::*;
use crate::{About, Column, Fold, Input, Inputs, Lookback, Opened, Operator, Output, Result, Timestamp, Transform};

fn records() -> [Records; 1] {
    [Records::each_second((0..40).map(f64::from))]
}

/// A transform that breaks the contract in one of several ways.
struct Breaks<const HOW: u8> {
    calls: i64,
    last: Option<i64>,
}

const COUNTS_CALLS: u8 = 0;
const FORGETS: u8 = 1;
const EMITS_ON_ADVANCE: u8 = 2;
const GOES_BACK: u8 = 3;

impl<const HOW: u8> Operator for Breaks<HOW> {
    const ABOUT: About = About { name: "breaks", doc: "", example: "" };
}

impl<const HOW: u8> Transform for Breaks<HOW> {
    type Arguments = ();

    fn open((): (), inputs: &[Input]) -> Result<Opened<Self>> {
        let breaks = Breaks { calls: 0, last: None };
        Ok(Opened::ordered(breaks, inputs[0].schema.clone(), Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        self.calls += 1;
        for time in inputs.first().times() {
            let value = match HOW {
                COUNTS_CALLS => self.calls,
                FORGETS => self.last.replace(*time).unwrap_or_default(),
                _ => 0,
            };
            let time = if HOW == GOES_BACK { -*time } else { *time };
            out.push(Timestamp(time), [crate::Value::Float64(value as f64)]);
        }
        Ok(())
    }

    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        if let (EMITS_ON_ADVANCE, Some(frontier)) = (HOW, frontier) {
            out.push(frontier, [crate::Value::Null]);
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "in random batches")]
fn a_transform_that_counts_calls_is_found() {
    check_determinism::<Breaks<COUNTS_CALLS>>(&[], &records());
}

#[test]
#[should_panic(expected = "in random batches")]
fn a_transform_whose_snapshot_forgets_is_found() {
    check_determinism::<Breaks<FORGETS>>(&[], &records());
}

#[test]
#[should_panic(expected = "in random batches")]
fn a_transform_that_emits_on_every_advance_is_found() {
    check_determinism::<Breaks<EMITS_ON_ADVANCE>>(&[], &records());
}

#[test]
#[should_panic(expected = "output is in time order")]
fn a_transform_that_goes_back_in_time_is_found() {
    check_determinism::<Breaks<GOES_BACK>>(&[], &records());
}

crate::state! {
    /// A fold whose state forgets its count.
    struct Forgetful { sum: f64 }
}

impl Operator for Forgetful {
    const ABOUT: About = About { name: "forgetful", doc: "", example: "" };
}

impl Fold for Forgetful {
    type Value = f64;
    type Result = f64;

    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.sum = 2.0 * self.sum + value;
        Ok(())
    }

    fn combine(&mut self, later: &Forgetful) -> Result {
        self.sum += later.sum;
        Ok(())
    }

    fn result(&self) -> Option<f64> {
        Some(self.sum)
    }
}

#[test]
#[should_panic(expected = "combined")]
fn a_fold_that_does_not_combine_to_the_whole_is_found() {
    check_fold::<Forgetful>(&[], &records()[0]);
}

#[test]
fn the_hosts_generator_starts_anew_with_each_run() {
    chance::restart();
    let first = random();
    assert_ne!(first, random());
    fold::<Forgetful>(&[], &records()[0]).unwrap();
    assert_eq!(random(), first);
}

#[test]
fn results_are_columns() {
    assert_eq!(scan::<Forgetful>(&[], &Records::each_second([1.0, 2.0])), Ok(Column::float64([Some(1.0), Some(4.0)])));
}
