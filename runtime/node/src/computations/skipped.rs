//! What incarnations have skipped, as it is shown, and how it comes into `errors(X)`.

use std::time::{Duration, Instant};

use dag_api::{OnError, SkippedRecord};
use dag_log::{AppendError, PublishError};
use dag_model::Position;
use dag_plan::{Incarnation, LogId, Skipped};

use crate::computations::Computations;
use crate::streams::error::StreamError;
use crate::streams::skipped::{Row, json};

/// Why what was skipped is not in its stream yet.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    /// The stream cannot be had.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// It does not take records.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// How long it takes until what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl Computations {
    /// Writes what was handed in, without the lock on the state. Returns when to try again what could not be written.
    pub(crate) fn write_errors(&self) -> Option<Instant> {
        let mut again = None;
        for record in self.inner.streams.handed_in() {
            match self.write_errors_of(&record) {
                Ok(()) => self.inner.streams.written(&record),
                Err(error) => {
                    tracing::warn!(stream = record.stream, incarnation = %record.id, %error, "cannot keep what was skipped yet");
                    again = Some(Instant::now() + AGAIN);
                }
            }
        }
        again
    }

    fn write_errors_of(&self, record: &Incarnation) -> Result<(), NotWritten> {
        let streams = &self.inner.streams;
        if streams.is_skipped_unavailable(&record.stream) {
            return Ok(());
        }
        let errors = streams.skipped_of(&record.stream)?;
        let name = self.inner.moved.first(record.id).to_string();
        let written = errors.source.publisher(&name).map_or(0, |(_, batch)| batch);
        for (skipped, batch) in record.skipped.iter().zip(1..).filter(|(_, batch)| *batch > written) {
            let row = self.row(record, skipped);
            streams.write_skipped(&errors, name.clone(), batch, row).inspect_err(|error| {
                if let PublishError::Append(AppendError::Full(_) | AppendError::Reserved(_)) = error {
                    streams.tell_full(Instant::now());
                }
            })?;
        }
        Ok(())
    }

    fn row(&self, record: &Incarnation, skipped: &Skipped) -> Row {
        let shown = self.skipped_record(record, skipped);
        let json = self.view().log(&skipped.log).map(|log| json(&log, skipped.sequence));
        let json = json.transpose().unwrap_or_else(|error| {
            tracing::warn!(stream = record.stream, %error, "cannot read what was skipped");
            None
        });
        Row { incarnation: record.id, skipped: shown, record: json.flatten() }
    }

    /// What a derived stream does with a record on which its operator fails every time.
    pub(crate) fn error_policy(&self, stream: &str) -> OnError {
        match self.inner.meta.plan().policy(stream) {
            Some(policy) if policy.skip => OnError::Skip,
            Some(_) => OnError::Stop,
            None => OnError::default(),
        }
    }

    /// A record that a run was told to skip, as it is shown.
    pub(crate) fn skipped_record(&self, record: &Incarnation, skipped: &Skipped) -> SkippedRecord {
        let input = usize::try_from(skipped.input).ok().and_then(|input| record.inputs.get(input));
        let view = self.view();
        let (run, stream) = match &skipped.log {
            LogId::Derived(id) => {
                let course = view.plan.incarnation(*id);
                (id.0, course.map_or_else(String::new, |course| course.record.stream.clone()))
            }
            LogId::Source(id) => {
                let source = view.plan.stream(*id).and_then(|stream| view.sources.get(&stream.name));
                source.map_or((0, String::new()), |source| {
                    let epoch = source.source.log().epoch_at(skipped.sequence);
                    let canonical = source.origin.canonical(&source.settings.name);
                    let is_late = input.is_some_and(|input| input.late);
                    (epoch, if is_late { format!("late({canonical})") } else { canonical })
                })
            }
        };
        let position = Position { run, sequence: skipped.sequence }.to_string();
        SkippedRecord { stream, position, why: skipped.why.clone() }
    }
}
