//! Whether an operator keeps what every operator has to: its output is a function of its input's records and their order alone, never of how they were cut into
//! batches, of how often it was told how far time has come, of whether it went on from a snapshot, or of what runs beside it.
//!
//! An operator is tried on made-up records with the arguments of its own example. [`check`] runs it once in one piece, and then in many random ways, each of which has to
//! give the same; where one does not, the case is made as short as it can be ([`Failure`]).
//!
//! Read [`case`], [`subject`] (what it is tried with), then `transform` and `aggregate` (how a case is run), [`shrink`](mod@shrink), [`cost`](mod@cost) and [`memory`](mod@memory).

mod aggregate;
pub mod case;
mod chance;
pub mod cost;
pub mod memory;
mod processor;
pub mod shrink;
pub mod subject;
mod transform;

use std::time::{Duration, Instant};

use dag_expr::{Kind, Signature};
use dag_wasm::Component;

use case::{Case, Outcome};
use chance::Chance;
pub use cost::{Cost, cost, instance};
pub use memory::memory;
use shrink::shrink;
use subject::Subject;

/// Random ways in which an operator is run, unless that takes longer than [`Effort::time`].
pub const WAYS: u64 = 200;

/// How long to look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For one operator, until it is taken to hold; a failing case is looked for as long again.
    pub time: Duration,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { time: Duration::from_secs(10) }
    }
}

/// What became of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It gave the same in so many ways.
    Holds(u64),
    /// It did not; the shortest case that was found.
    Breaks(Box<Failure>),
    /// It could not be tried, and why: the arguments of its example do not fit records that could be made up.
    Untried(String),
}

/// A case in which an operator does not keep its promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The records, and what was done between them.
    pub case: String,
    /// What is wrong: two outputs that differ, or the promise that was broken.
    pub what: String,
}

/// Tries one operator.
pub fn check(component: &Component, signature: &Signature, effort: Effort) -> Verdict {
    let subject = match Subject::find(component, signature) {
        Ok(subject) => subject,
        Err(why) => return Verdict::Untried(why),
    };
    let begun = Instant::now();
    let mut tried = 0;
    for way in 0..WAYS {
        if way > 0 && begun.elapsed() > effort.time {
            break;
        }
        let case = Case::random(&subject, &mut Chance(way));
        if let Some(what) = fails(component, &subject, &case) {
            let (case, what) = shrink(case, what, effort.time, |case| fails(component, &subject, case));
            return Verdict::Breaks(Box::new(Failure { case: case.shown(&subject), what }));
        }
        tried += 1;
    }
    Verdict::Holds(tried)
}

/// What is wrong in this case; none if all is as it should be.
fn fails(component: &Component, subject: &Subject, case: &Case) -> Option<String> {
    let run = |case: &Case| match subject.kind {
        Kind::Transform => transform::run(component, subject, case),
        Kind::Aggregate => aggregate::run(component, subject, case),
    };
    // In one piece it is what a case is held against; where that fails, it has to fail in every way.
    let whole = run(&case.whole());
    let pieces = run(case);
    match (whole, pieces) {
        (Err(Outcome::Broken(what)), _) | (_, Err(Outcome::Broken(what))) => Some(what),
        (Ok(whole), Ok(pieces)) => whole.difference(&pieces),
        (Err(Outcome::Refused(_)), Err(Outcome::Refused(_))) => None,
        (Ok(_), Err(Outcome::Refused(why))) => Some(format!("so it fails, and in one piece it does not: {why}")),
        (Err(Outcome::Refused(why)), Ok(_)) => Some(format!("in one piece it fails, and so it does not: {why}")),
    }
}
