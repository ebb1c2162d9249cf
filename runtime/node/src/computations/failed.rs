//! Failures of computations, as they come from the workers: what is decided of them is carried out, recorded and told.

use std::time::Instant;

use dag_api::OnError;
use dag_expr::Stream;
use dag_flow::{Failure, Search, Spot};
use dag_model::IncarnationId;
use dag_plan::{Command, Incarnation, Skipped};

use crate::computations::retry::{Failures, Next, TRIES};
use crate::computations::runs::last_digest;
use crate::node::{Node, State};

/// The most records that a run passes over: its record lists them, and is written anew with each.
const MAX_SKIPPED: usize = 10_000;

/// What is done with a record on which an operator fails every time, after so many have been passed over; and whether that is for their
/// number.
fn policy(wanted: OnError, passed_over: usize) -> (OnError, bool) {
    match passed_over < MAX_SKIPPED {
        true => (wanted, false),
        false => (OnError::Stop, wanted == OnError::Skip),
    }
}

impl Node {
    /// Decides what follows from the failure of a run.
    pub(crate) fn failed(&self, state: &mut State, id: IncarnationId, failure: &Failure) -> Vec<Command> {
        let Some(run) = state.plan.run(id).filter(|run| run.is_live()) else { return Vec::new() };
        let (record, stream) = (run.record.clone(), run.stream.clone());
        let written = self.inner.logs.if_open(id).map_or(0, |log| log.visible().end);
        let failures = state.runs.failures.entry(id).or_insert_with(Failures::none);
        let searching = matches!(failures.search, Search::Halve(_));
        let (policy, full) = policy(self.error_policy(&record.stream), record.skipped.len());
        let next = failures.next(failure, written, policy);
        let mut why = self.told(&record, stream.as_ref(), failure);
        if full && next == Next::GiveUp {
            why += &format!("; {MAX_SKIPPED} records have been passed over, which is the limit");
        }
        failures.why.clone_from(&why);
        let outlook = outlook(next, failure, failures.count(), searching);
        tracing::warn!(stream = record.stream, incarnation = %id, why, next = outlook, "computation failed");
        let commands = match next {
            Next::Again(delay) => {
                failures.due = Some(Instant::now() + delay);
                Vec::new()
            }
            Next::Afresh | Next::Narrow(_) => {
                failures.due = Some(Instant::now());
                Vec::new()
            }
            Next::Skip(at) => {
                failures.due = Some(Instant::now());
                let log = record.inputs[at.input].legs[at.leg].log.clone();
                // Recorded with the next start, before any output past it.
                state.plan.pass_over(
                    id,
                    Skipped { input: at.input as u32, log, sequence: at.position.sequence, why: why.clone() },
                );
                Vec::new()
            }
            Next::GiveUp => self.fail(state, id, &why),
            Next::Quarantine => {
                let (failed, commands) = state.plan.quarantine(id, &why);
                self.tell(state, &failed, &format!("`{}` is quarantined: {why}", record.stream));
                commands
            }
        };
        if let Some(outlook) = outlook {
            self.notify_of_failure(state, id, &why, &outlook);
        }
        commands
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

    /// Ends a run and what depends on it, and tells their subscribers why.
    pub(crate) fn fail(&self, state: &mut State, id: IncarnationId, why: &str) -> Vec<Command> {
        let stream = state.plan.run(id).map_or_else(String::new, |run| run.record.stream.clone());
        let digest = state.plan.run(id).and_then(|run| run.record.ran.last()).map(|ran| ran.digest);
        let digest = digest.map_or_else(String::new, |digest| format!("{digest:#}"));
        tracing::error!(stream, digest, incarnation = %id, why, "computation stays where it is");
        let message = format!("`{stream}` cannot go on: {why}");
        let (failed, commands) = state.plan.failed(id, &message);
        state.runs.failures.remove(&id);
        self.tell(state, &failed, &message);
        commands
    }

    fn tell(&self, state: &State, failed: &[IncarnationId], message: &str) {
        for lease in failed.iter().flat_map(|id| state.plan.leases(*id)) {
            if let Some(subscriber) = state.subscribers.get(&lease) {
                subscriber.stopped(message);
            }
        }
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
        Next::Skip(_) => "this record is passed over".to_owned(),
        Next::GiveUp | Next::Quarantine => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_records_are_passed_over() {
        assert_eq!(policy(OnError::Skip, MAX_SKIPPED - 1), (OnError::Skip, false));
        assert_eq!(policy(OnError::Skip, MAX_SKIPPED), (OnError::Stop, true));
        assert_eq!(policy(OnError::Stop, MAX_SKIPPED), (OnError::Stop, false));
    }
}
