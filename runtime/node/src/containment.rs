//! What follows from the failure of a computation: another try, a narrower search, a record passed over, or the end. By value.

use std::time::{Duration, Instant};

use dag_flow::{ComputeError, Failure, Span};
use dag_log::AppendError;
use dag_model::Frontier;

use crate::api::OnError;

/// How often an operator may fail in one place.
pub const TRIES: u32 = 3;

/// How often an operator may fail, wherever that is, before it has been written down how to go on: one that can't be saved
/// gets on each time, and does the same work over and over.
const TRIES_UNSAVED: u32 = 30;

/// The delay before the second try; each further one waits twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(30);

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another try from the last snapshot, after this time.
    Again(Duration),
    /// Another try that begins without the snapshot.
    Afresh,
    /// Another try at once, with these records in two halves.
    Narrow(Span),
    /// Another try at once, without this record.
    Skip(Span),
    /// The computation stays where it is.
    GiveUp,
    /// It does not repeat itself.
    Quarantine,
}

/// The failures of a run that it has not got past yet.
#[derive(Debug)]
pub struct Failures {
    /// What happened last.
    pub why: String,
    /// When it is tried again, unless its dataflow is there.
    pub due: Option<Instant>,
    /// Records that are being given to the operator in two halves.
    pub suspect: Option<Span>,
    /// Whether it begins without its snapshot.
    pub afresh: bool,
    place: (Option<Span>, Frontier, u64),
    count: u32,
    /// Since the last snapshot.
    all: u32,
}

impl Failures {
    /// None yet.
    pub fn none() -> Failures {
        let place = (None, Frontier::START, 0);
        Failures { why: String::new(), due: None, suspect: None, afresh: false, place, count: 0, all: 0 }
    }

    /// What follows from one more, after the run had written up to the sequence `written`.
    pub fn next(&mut self, failure: &Failure, written: u64, policy: OnError) -> Next {
        self.why = failure.error.to_string();
        let place = (failure.at, failure.frontier, written);
        if let (Some(suspect), Some(at)) = (self.suspect, failure.at)
            && failure.error.blames_records()
            && at.leg == suspect.leg
            && suspect.first <= at.first
            && at.end <= suspect.end
        {
            return self.narrow(at);
        }
        // Where the operator is in its input differs from try to try; how far it got does not.
        self.count = if (place.0, place.2) == (self.place.0, self.place.2) { self.count + 1 } else { 1 };
        (self.place, self.suspect, self.all) = (place, None, self.all + 1);
        match &failure.error {
            ComputeError::Diverged { .. } => return Next::Quarantine,
            ComputeError::Restore(_) if !self.afresh => {
                self.afresh = true;
                return Next::Afresh;
            }
            // The disk may have room again.
            ComputeError::Write(AppendError::Full(_)) => return Next::Again(self.delay()),
            error if !error.blames_operator() => return Next::GiveUp,
            _ => {}
        }
        match failure.at {
            _ if self.count < TRIES && self.all < TRIES_UNSAVED => Next::Again(self.delay()),
            Some(at) if policy == OnError::Skip && failure.error.blames_records() => self.narrow(at),
            _ => Next::GiveUp,
        }
    }

    /// How often it has failed where it failed last.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn narrow(&mut self, at: Span) -> Next {
        if at.end - at.first == 1 {
            *self = Failures { why: std::mem::take(&mut self.why), ..Failures::none() };
            return Next::Skip(at);
        }
        self.suspect = Some(at);
        Next::Narrow(at)
    }

    fn delay(&self) -> Duration {
        FIRST.saturating_mul(1 << (self.count - 1).min(16)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use dag_wasm::CallError;

    use super::*;

    fn failure(error: CallError, first: u64, end: u64) -> Failure {
        let at = Some(Span { leg: 0, run: 1, first, end });
        Failure { error: ComputeError::Guest(error), at, frontier: Frontier::START }
    }

    fn trap(first: u64, end: u64) -> Failure {
        failure(CallError::Trap("unreachable".to_owned()), first, end)
    }

    #[test]
    fn an_operator_that_fails_in_one_place_gets_three_tries_each_later_than_the_last() {
        let mut failures = Failures::none();
        let tries: Vec<_> = (0..3).map(|_| failures.next(&trap(0, 8), 5, OnError::Stop)).collect();
        assert_eq!(tries, [Next::Again(FIRST), Next::Again(FIRST * 2), Next::GiveUp]);
    }

    #[test]
    fn an_operator_that_gets_on_between_failures_is_tried_again_unless_it_is_never_saved() {
        let mut failures = Failures::none();
        let mut next = |written| failures.next(&trap(written, written + 1), written, OnError::Stop);
        assert!((1..u64::from(TRIES_UNSAVED)).all(|written| next(written) == Next::Again(FIRST)));
        assert_eq!(next(u64::from(TRIES_UNSAVED)), Next::GiveUp);
    }

    #[test]
    fn the_record_on_which_an_operator_fails_is_found_by_halving() {
        let (mut failures, mut span) = (Failures::none(), (0, 1_000));
        let mut steps = 0;
        loop {
            steps += 1;
            match failures.next(&trap(span.0, span.1), 5, OnError::Skip) {
                Next::Again(_) => {}
                Next::Narrow(suspect) => {
                    let middle = suspect.first + (suspect.end - suspect.first) / 2;
                    span = if middle <= 617 { (middle, suspect.end) } else { (suspect.first, middle) };
                }
                Next::Skip(at) => {
                    assert_eq!((at.first, at.end), (617, 618));
                    break;
                }
                next => panic!("{next:?}"),
            }
        }
        assert!(steps <= 2 + 11, "{steps} steps");
    }

    #[test]
    fn a_call_that_takes_too_long_never_skips() {
        let mut failures = Failures::none();
        let slow = || failure(CallError::TimeLimit(Duration::from_secs(10)), 0, 8);
        let last = (0..3).map(|_| failures.next(&slow(), 5, OnError::Skip)).last();
        assert_eq!(last, Some(Next::GiveUp));
    }

    #[test]
    fn a_full_disk_is_waited_for_as_long_as_it_takes() {
        let mut failures = Failures::none();
        for _ in 0..50 {
            let error = ComputeError::Write(AppendError::Full("/".into()));
            let next = failures.next(&Failure { error, at: None, frontier: Frontier::START }, 5, OnError::Stop);
            assert!(matches!(next, Next::Again(delay) if delay <= LONGEST));
        }
    }
}
