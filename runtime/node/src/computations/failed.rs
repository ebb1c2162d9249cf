//! Failures of computations, as they come from the workers: what is decided of them is carried out, recorded and told.

use std::time::{Duration, Instant};

use dag_api::OnError;
use dag_expr::Stream;
use dag_flow::{Failure, Search, Spot};
use dag_model::IncarnationId;
use dag_plan::{Change, Ending, Incarnation, Proposal, Skipped};

use crate::computations::build::last_digest;
use crate::computations::retry::{Failures, Next, TRIES};
use crate::computations::{Computations, State};
use crate::metadata::MetaError;

/// How long it takes until a run is started again of which a file could not be opened.
const START_AGAIN: Duration = Duration::from_secs(1);

/// The most records that a run skips: its record lists them, and is written anew with each.
const MAX_SKIPPED: usize = 10_000;

/// What is done with a record on which an operator fails every time, after so many have been skipped; and whether that is for their
/// number.
fn policy(wanted: OnError, skipped: usize) -> (OnError, bool) {
    match skipped < MAX_SKIPPED {
        true => (wanted, false),
        false => (OnError::Stop, wanted == OnError::Skip),
    }
}

impl Computations {
    /// A run is started again in a while, and who waits for it is told why.
    pub(super) fn start_later(&self, state: &mut State, id: IncarnationId, why: &str) {
        tracing::warn!(incarnation = %id, why, "a computation cannot be started yet");
        let failures = state.runs.failures.entry(id).or_insert_with(Failures::none);
        why.clone_into(&mut failures.why);
        failures.due = Some(Instant::now() + START_AGAIN);
        self.notify_of_failure(state, id, why, &format!("trying again in {START_AGAIN:?}"));
    }

    /// Decides what follows from the failure of a run.
    pub(super) fn failed(&self, state: &mut State, id: IncarnationId, failure: &Failure) {
        let plan = self.inner.meta.plan();
        let Some(course) = plan.incarnation(id).filter(|course| course.is_live()) else { return };
        let (record, stream) = (&course.record, state.bound.get(&course.record.stream).cloned());
        let written = self.inner.logs.if_open(id).map_or(0, |log| log.visible().end);
        let failures = state.runs.failures.entry(id).or_insert_with(Failures::none);
        let searching = matches!(failures.search, Search::Halve(_));
        let (policy, full) = policy(self.error_policy(&record.stream), record.skipped.len());
        let next = failures.next(failure, written, policy);
        let mut why = self.told(record, stream.as_ref(), failure);
        if full && next == Next::GiveUp {
            why += &format!("; {MAX_SKIPPED} records have been skipped, which is the limit");
        }
        failures.why.clone_from(&why);
        let outlook = outlook(next, failure, failures.count(), searching);
        tracing::warn!(stream = record.stream, incarnation = %id, why, next = outlook, "computation failed");
        match next {
            Next::Again(delay) => failures.due = Some(Instant::now() + delay),
            Next::Afresh | Next::Narrow(_) => failures.due = Some(Instant::now()),
            Next::Skip(at) => {
                failures.due = Some(Instant::now());
                let log = record.inputs[at.input].legs[at.leg].log;
                let skipped = Skipped { input: at.input as u32, log, sequence: at.position.sequence, why: why.clone() };
                self.skip(state, id, skipped);
            }
            Next::GiveUp => self.fail(state, id, &why),
            Next::Quarantine => self.end(state, id, Ending::Quarantined(why.clone())),
        }
        if let Some(outlook) = outlook {
            self.notify_of_failure(state, id, &why, &outlook);
        }
        self.inner.timers.notify_one();
    }

    /// What a failure was: the operator, where it was, and what it did.
    pub(super) fn told(&self, record: &Incarnation, stream: Option<&Stream>, failure: &Failure) -> String {
        let digest = last_digest(record);
        let component = self.view().catalog.component(digest);
        let component = component.map_or_else(String::new, |it| format!("{} {} ", it.name(), it.version()));
        let spot = |at: &Spot| match stream {
            Some(Stream::Apply(of)) => format!("{} of {}", at.position, of.inputs[at.input].stream),
            _ => at.position.to_string(),
        };
        let at = match &failure.at {
            Some(at) if at.records == 1 => format!("at record {}", spot(&at.first)),
            Some(at) => format!("at {} records from {} to {}", at.records, spot(&at.first), spot(&at.last)),
            None => format!("at {}", failure.frontier),
        };
        format!("component {component}{digest:#}, {at}: {}", failure.error)
    }

    /// Ends a run and what depends on it, of which their subscribers are told.
    pub(super) fn fail(&self, state: &mut State, id: IncarnationId, why: &str) {
        let how = self.failure_of(id, why);
        self.end(state, id, how);
    }

    /// The same, and returns once it has ended; not under the lock.
    pub(crate) fn end_now(&self, id: IncarnationId, why: &str) -> Result<(), MetaError> {
        let end = Change::End { incarnation: id, how: self.failure_of(id, why) };
        match self.inner.meta.propose(Proposal::of([end])) {
            // It has ended otherwise.
            Ok(_) | Err(MetaError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn failure_of(&self, id: IncarnationId, why: &str) -> Ending {
        let plan = self.inner.meta.plan();
        let record = plan.incarnation(id).map(|course| &course.record);
        let stream = record.map_or("", |record| &record.stream);
        let digest = record.map_or_else(String::new, |record| format!("{:#}", last_digest(record)));
        tracing::error!(stream, digest, incarnation = %id, why, "computation stays where it is");
        Ending::Failed(format!("`{stream}` cannot go on: {why}"))
    }
}

/// What subscribers are told of what follows from the latest of `count` failures in one place, unless that ends their subscriptions;
/// nothing while it is still `searching` for the record.
fn outlook(next: Next, failure: &Failure, count: u32, searching: bool) -> Option<String> {
    Some(match next {
        Next::Again(delay) if failure.error.blames_operator() => {
            format!("trying again in {delay:?} ({} of {TRIES} in this place)", count + 1)
        }
        Next::Again(delay) => format!("trying again in {delay:?}"),
        Next::Afresh => "trying again without its snapshot".to_owned(),
        Next::Narrow(_) if searching => return None,
        Next::Narrow(_) => "looking for the record that it fails on".to_owned(),
        Next::Skip(_) => "this record is skipped".to_owned(),
        Next::GiveUp | Next::Quarantine => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_records_are_skipped() {
        assert_eq!(policy(OnError::Skip, MAX_SKIPPED - 1), (OnError::Skip, false));
        assert_eq!(policy(OnError::Skip, MAX_SKIPPED), (OnError::Stop, true));
        assert_eq!(policy(OnError::Stop, MAX_SKIPPED), (OnError::Stop, false));
    }
}
