//! What follows from the failure of a computation: another try, a narrower search, a record skipped, or the end. By value.

use std::time::{Duration, Instant};

use dag_api::OnError;
use dag_flow::{ComputeError, Failure, Search, Span, Spot};
use dag_log::AppendError;

/// How often an operator may fail in one place.
pub const TRIES: u32 = 3;

/// How often an operator may fail, wherever that is, before it has been written down how to go on: one that can't be saved
/// gets on each time, and does the same work over and over.
const TRIES_UNSAVED: u32 = 30;

/// The delay before the second try; each further one waits twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest delay while there is no room on the disk: that may change at any moment.
const FOR_ROOM: Duration = Duration::from_secs(2);

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
    Skip(Spot),
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
    /// How closely the next try is watched.
    pub search: Search,
    /// Whether it begins without its snapshot.
    pub afresh: bool,
    /// At which records the last one was, where that is known.
    at: Option<Span>,
    /// How much had been written by then.
    written: u64,
    /// How many there were in that place.
    count: u32,
    /// Since the last snapshot.
    all: u32,
}

impl Failures {
    /// None yet.
    pub fn none() -> Failures {
        Failures {
            why: String::new(),
            due: None,
            search: Search::Trace,
            afresh: false,
            at: None,
            written: 0,
            count: 0,
            all: 0,
        }
    }

    /// What follows from one more, after the run had written up to the sequence `written`.
    pub fn next(&mut self, failure: &Failure, written: u64, policy: OnError) -> Next {
        self.why = failure.error.to_string();
        if let (Search::Halve(suspects), Some(at)) = (self.search, failure.at)
            && failure.error.blames_records()
            && suspects.contains(&at)
        {
            return self.narrow(at, policy);
        }
        // How far its inputs have got, and so what an operator in time order is given at once, differs from try to try, and the first
        // try is not traced; how much is written does not differ.
        let elsewhere = failure.at.zip(self.at).is_some_and(|(at, before)| !at.overlaps(&before));
        self.count = if written == self.written && !elsewhere { self.count + 1 } else { 1 };
        (self.at, self.written, self.all, self.search) = (failure.at, written, self.all + 1, Search::Trace);
        match &failure.error {
            ComputeError::Diverged { .. } => return Next::Quarantine,
            ComputeError::Restore(_) if !self.afresh => {
                self.afresh = true;
                return Next::Afresh;
            }
            // The disk may have room again.
            ComputeError::Write(AppendError::Full(_) | AppendError::Reserved(_)) => {
                return Next::Again(self.delay().min(FOR_ROOM));
            }
            // So may memory, once others hold less.
            short if short.is_short_of_memory() => return Next::Again(self.delay()),
            // What no instance could take is not tried again.
            error if !error.blames_operator() => match failure.at {
                Some(at) if error.blames_records() => return self.narrow(at, policy),
                _ => return Next::GiveUp,
            },
            _ => {}
        }
        match failure.at {
            _ if self.count < TRIES && self.all < TRIES_UNSAVED => Next::Again(self.delay()),
            // What each half takes, and both together do not, is found in neither of them, however often it is looked for.
            Some(at) if failure.error.blames_records() && self.all <= TRIES_UNSAVED => self.narrow(at, policy),
            _ => Next::GiveUp,
        }
    }

    /// How often it has failed where it failed last.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn narrow(&mut self, at: Span, policy: OnError) -> Next {
        if at.records > 1 {
            self.search = Search::Halve(at);
            return Next::Narrow(at);
        }
        match policy {
            OnError::Stop => Next::GiveUp,
            OnError::Skip => {
                *self = Failures { why: std::mem::take(&mut self.why), ..Failures::none() };
                Next::Skip(at.first)
            }
        }
    }

    fn delay(&self) -> Duration {
        FIRST.saturating_mul(1 << (self.count - 1).min(16)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use dag_flow::budget::Over;
    use dag_model::{Frontier, Position, Timestamp};
    use dag_wasm::{CallError, NoMemory};

    use super::*;

    fn spot(sequence: u64) -> Spot {
        Spot { time: Timestamp(0), input: 0, leg: 0, position: Position { run: 1, sequence } }
    }

    fn span(first: u64, end: u64) -> Span {
        Span { first: spot(first), last: spot(end - 1), records: usize::try_from(end - first).unwrap() }
    }

    fn failure(error: CallError, at: Option<Span>) -> Failure {
        Failure { error: ComputeError::Guest(error), at, frontier: Frontier::START }
    }

    fn trap(at: Option<Span>) -> Failure {
        failure(CallError::Trap("unreachable".to_owned()), at)
    }

    #[test]
    fn an_operator_that_fails_in_one_place_gets_three_tries_each_later_than_the_last() {
        let mut failures = Failures::none();
        let tries: Vec<_> = (0..3).map(|_| failures.next(&trap(Some(span(7, 8))), 5, OnError::Stop)).collect();
        assert_eq!(tries, [Next::Again(FIRST), Next::Again(FIRST * 2), Next::GiveUp]);
    }

    #[test]
    fn an_operator_that_gets_on_between_failures_is_tried_again_unless_it_is_never_saved() {
        let mut failures = Failures::none();
        let mut next = |written| failures.next(&trap(Some(span(written, written + 1))), written, OnError::Stop);
        assert!((1..u64::from(TRIES_UNSAVED)).all(|written| next(written) == Next::Again(FIRST)));
        assert_eq!(next(u64::from(TRIES_UNSAVED)), Next::GiveUp);
    }

    /// What comes of the search for the record 617 among a thousand.
    fn found(policy: OnError) -> Next {
        let (mut failures, mut given) = (Failures::none(), (0, 1_000));
        for _ in 0..2 + 11 {
            match failures.next(&trap(Some(span(given.0, given.1))), 5, policy) {
                Next::Again(_) => {}
                Next::Narrow(suspects) => {
                    assert_eq!(failures.search, Search::Halve(suspects));
                    let middle = u64::midpoint(given.0, given.1);
                    given = if middle <= 617 { (middle, given.1) } else { (given.0, middle) };
                }
                next => {
                    assert_eq!(given, (617, 618));
                    return next;
                }
            }
        }
        panic!("it takes more than two tries and eleven halvings");
    }

    #[test]
    fn the_record_on_which_an_operator_fails_is_found_by_halving_and_the_policy_decides() {
        assert_eq!(found(OnError::Stop), Next::GiveUp);
        assert_eq!(found(OnError::Skip), Next::Skip(spot(617)));
    }

    #[test]
    fn a_try_that_is_not_traced_and_tries_of_other_batches_with_the_record_count_as_one_place() {
        let mut failures = Failures::none();
        let given = [None, Some(span(600, 700)), Some(span(0, 1_000))];
        let tries = given.map(|at| failures.next(&trap(at), 5, OnError::Skip));
        assert_eq!(tries, [Next::Again(FIRST), Next::Again(FIRST * 2), Next::Narrow(span(0, 1_000))]);
        let elsewhere = failures.next(&trap(Some(span(1_000, 2_000))), 5, OnError::Skip);
        assert_eq!(elsewhere, Next::Again(FIRST));
    }

    #[test]
    fn a_search_that_finds_nothing_ends() {
        let mut failures = Failures::none();
        let given = [span(0, 50), span(0, 50), span(0, 50), span(60, 90)];
        let next = |at: &Span| failures.next(&trap(Some(*at)), 5, OnError::Skip);
        let tries = given.iter().cycle().map(next).take_while(|next| *next != Next::GiveUp).take(1_000).count();
        assert!(tries < 100, "{tries} tries");
    }

    #[test]
    fn a_record_that_no_operator_could_take_is_searched_for_at_once() {
        let edge = |at| Failure {
            error: ComputeError::Edge { time: Timestamp::MIN },
            at: Some(at),
            frontier: Frontier::START,
        };
        let mut failures = Failures::none();
        assert_eq!(failures.next(&edge(span(0, 2)), 0, OnError::Skip), Next::Narrow(span(0, 2)));
        assert_eq!(failures.next(&edge(span(1, 2)), 0, OnError::Skip), Next::Skip(spot(1)));
        assert_eq!(failures.next(&edge(span(1, 2)), 0, OnError::Stop), Next::GiveUp);
    }

    #[test]
    fn a_call_that_takes_too_long_never_skips() {
        let mut failures = Failures::none();
        let slow = || failure(CallError::TimeLimit(Duration::from_secs(10)), Some(span(0, 8)));
        let last = (0..3).map(|_| failures.next(&slow(), 5, OnError::Skip)).last();
        assert_eq!(last, Some(Next::GiveUp));
    }

    #[test]
    fn memory_that_others_hold_is_waited_for_as_long_as_it_takes_and_skips_nothing() {
        let short = NoMemory { held: 2 << 20, all: 5 << 20, limit: 4 << 20 };
        let of_host = || ComputeError::Budget(Over::Memory(short));
        let of_guest = || ComputeError::Guest(CallError::Shared(short));
        let mut failures = Failures::none();
        for _ in 0..50 {
            for error in [of_host(), of_guest()] {
                let failure = Failure { error, at: Some(span(0, 8)), frontier: Frontier::START };
                let next = failures.next(&failure, 5, OnError::Skip);
                assert!(matches!(next, Next::Again(delay) if delay <= LONGEST), "{next:?}");
            }
        }
        assert!(!failures.afresh);
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
