//! `errors(X)`: what the derived stream `X` has passed over, in a log that the node itself publishes to.
//!
//! What counts is the incarnation's record: it says that a record is passed over before there is any output past it, durably. Its list
//! is handed in whenever the run is started, and when the node is, and what the log lacks of it is published without holding up anybody.
//! The publisher is the incarnation, by its first number, and the n-th record of its list is the n-th batch: what is handed in again, after
//! a crash or because the disk was full, is a repeat to the log, and counts once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_api::{Clock, Column, CreateStream, Durability, PassedOver, Retention};
use dag_codec::{EncodeOptions, Encoder, Format, MAX_LINE};
use dag_expr::errors_of;
use dag_lock::{Guard, Mutex};
use dag_log::{AppendError, Log, Publish, PublishError, PublisherId, ReadError, Start};
use dag_model::{IncarnationId, Position};
use dag_plan::{Incarnation, LogId, Skipped};

use crate::node::{Node, State};
use crate::streams::error::StreamError;
use crate::streams::source::{Origin, SourceStream};

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

/// What stands for the time of a record that its log gives it.
const UNSTAMPED: i64 = 0;

/// Incarnations whose passed-over records may not all be in their streams yet.
pub struct Errors {
    waiting: Mutex<BTreeMap<IncarnationId, Incarnation>>,
}

impl Default for Errors {
    fn default() -> Errors {
        Errors { waiting: Mutex::new("passed over", BTreeMap::new()) }
    }
}

/// How the stream of what `of` passes over is kept: times are the node's, which also moves its frontier on.
pub fn settings(of: &str) -> CreateStream {
    let column = |(name, ty): (&str, &str)| Column { name: name.to_owned(), ty: ty.to_owned() };
    let schema =
        [("incarnation", "int64"), ("input", "utf8"), ("position", "utf8"), ("error", "utf8"), ("record", "utf8")];
    CreateStream {
        name: errors_of(of),
        schema: schema.map(column).into(),
        time: None,
        out_of_order: "0s".to_owned(),
        max_ahead: "10m".to_owned(),
        idle: "30s".to_owned(),
        clock: Clock::Node,
        retention: Retention::default(),
        durability: Durability::Fsync,
    }
}

impl Errors {
    /// What the record says is passed over is to be in its stream. The timers see to it, and are woken by the caller.
    pub fn hand_in(&self, record: &Incarnation) {
        if !record.skipped.is_empty() {
            self.waiting().insert(record.id, record.clone());
        }
    }

    /// Whether something of that incarnation may not be there yet.
    pub fn wait_for(&self, id: IncarnationId) -> bool {
        self.waiting().contains_key(&id)
    }

    /// Whether anything may not be there yet.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> Guard<'_, BTreeMap<IncarnationId, Incarnation>> {
        self.waiting.lock()
    }
}

impl Node {
    /// The stream of what the derived stream of that canonical name passes over, made where it is missing.
    pub(crate) fn errors(&self, of: &str) -> Result<Arc<SourceStream>, StreamError> {
        let settings = settings(of);
        let (source, _) = self.get_or_add(Origin::Errors(of.to_owned()), &settings)?;
        match source.origin {
            Origin::Errors(_) => Ok(source),
            Origin::Published => Err(StreamError::NameTaken(settings.name)),
        }
    }

    /// Writes what was handed in, without the lock on the state; answers when to try again what could not be written.
    pub(crate) fn write_errors(&self) -> Option<Instant> {
        let waiting: Vec<Incarnation> = self.inner.errors.waiting().values().cloned().collect();
        let mut again = None;
        for record in waiting {
            match self.write_errors_of(&record) {
                Ok(()) => {
                    let mut waiting = self.inner.errors.waiting();
                    waiting.retain(|id, newest| *id != record.id || newest.skipped.len() > record.skipped.len());
                }
                Err(error) => {
                    tracing::warn!(stream = record.stream, incarnation = %record.id, %error, "cannot keep what was passed over yet");
                    again = Some(Instant::now() + AGAIN);
                }
            }
        }
        again
    }

    fn write_errors_of(&self, record: &Incarnation) -> Result<(), NotWritten> {
        // What can't be opened now, all is handed in to when it is.
        if self.inner.unavailable.why(&errors_of(&record.stream)).is_some() {
            return Ok(());
        }
        let errors = self.errors(&record.stream)?;
        let name = self.inner.moved.first(record.id).to_string();
        let written = errors.source.publisher(&name).map_or(0, |(_, batch)| batch);
        for (skipped, batch) in record.skipped.iter().zip(1..).filter(|(_, batch)| *batch > written) {
            let row = self.row(&errors, record, skipped);
            let publish = Publish {
                publisher: Some(PublisherId { name: name.clone(), session: 1, batch }),
                batch: Some(row),
                // Time-ordered readers need not wait for the node's next heartbeat.
                done: true,
                ..Publish::default()
            };
            dag_fault::point("errors");
            errors.source.publish(publish, &self.inner.clock).inspect_err(|error| {
                if let PublishError::Append(AppendError::Full(_) | AppendError::Reserved(_)) = error {
                    self.make_room(Instant::now());
                }
            })?;
        }
        Ok(())
    }

    /// What a stream of passed-over records has of one of them: a batch of one row.
    fn row(&self, errors: &SourceStream, record: &Incarnation, skipped: &Skipped) -> RecordBatch {
        let PassedOver { stream, position, why } = self.passed_over(&self.state(), record, skipped);
        let json = self.view().log(&skipped.log).map(|log| json(&log, skipped.sequence));
        let json = json.transpose().unwrap_or_else(|error| {
            tracing::warn!(stream = record.stream, %error, "cannot read what was passed over");
            None
        });
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampNanosecondArray::from(vec![UNSTAMPED]).with_timezone("UTC")),
            Arc::new(Int64Array::from(vec![i64::try_from(record.id.0).unwrap_or(i64::MAX)])),
            Arc::new(StringArray::from(vec![stream])),
            Arc::new(StringArray::from(vec![position])),
            Arc::new(StringArray::from(vec![why])),
            Arc::new(StringArray::from(vec![json.flatten()])),
        ];
        RecordBatch::try_new(errors.source.log().arrow_schema().clone(), columns).expect("these are its columns")
    }

    /// A record that a run was told to pass over, as it is shown.
    pub(crate) fn passed_over(&self, state: &State, record: &Incarnation, skipped: &Skipped) -> PassedOver {
        let input = usize::try_from(skipped.input).ok().and_then(|input| record.inputs.get(input));
        let (run, stream) = match &skipped.log {
            LogId::Derived(id) => (id.0, state.plan.run(*id).map_or_else(String::new, |run| run.record.stream.clone())),
            LogId::Source(name) => self.source(name).map_or((0, String::new()), |source| {
                let (epoch, canonical) =
                    (source.source.log().epoch_at(skipped.sequence), source.origin.canonical(name));
                (epoch, if input.is_some_and(|input| input.late) { format!("late({canonical})") } else { canonical })
            }),
        };
        let position = Position { run, sequence: skipped.sequence }.to_string();
        PassedOver { stream, position, why: skipped.why.clone() }
    }
}

/// A record as NDJSON shows it; none where the log no longer has it, or it would make a longer line than can be published.
fn json(log: &Log, sequence: u64) -> Result<Option<String>, ReadError> {
    let entry = match log.reader(Start::Sequence(sequence)).and_then(|mut reader| reader.next()) {
        Err(ReadError::Trimmed { .. } | ReadError::PastEnd { .. } | ReadError::Removed) | Ok(None) => return Ok(None),
        Ok(Some(entry)) => entry,
        Err(error) => return Err(error),
    };
    let row = usize::try_from(sequence - entry.first).expect("an entry's records fit into memory");
    let record = log.load(&entry)?.batch.slice(row, 1);
    let mut line = Vec::new();
    Encoder::new(Format::Json, log.schema(), EncodeOptions::default()).encode(&record, None, &mut line);
    let line = String::from_utf8(line).expect("JSON is text");
    Ok(Some(line.trim_end().to_owned()).filter(|line| line.len() <= MAX_LINE))
}

#[cfg(test)]
mod tests {
    use dag_log::{Committer, Options};
    use dag_model::{Frontier, Timestamp, schema_of};

    use super::*;

    #[test]
    fn a_record_is_shown_as_it_is_read_or_not_at_all_where_its_log_has_it_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let batch = RecordBatch::try_from_iter([
            ("time", Arc::new(TimestampNanosecondArray::from(vec![0, 1_000_000_000]).with_timezone("UTC")) as ArrayRef),
            ("text", Arc::new(StringArray::from(vec![Some("a".repeat(MAX_LINE)), Some("\"b\"".to_owned())]))),
        ])
        .unwrap();
        let schema = schema_of(&batch.schema()).unwrap();
        let log = Log::create(folder.path(), &schema, Options::default(), &Committer::new()).unwrap();
        log.append(&batch, Frontier::START, Timestamp(0)).unwrap();
        log.sync().wait().unwrap();
        assert_eq!(json(&log, 1).unwrap().as_deref(), Some(r#"{"time":"1970-01-01T00:00:01Z","text":"\"b\""}"#));
        assert_eq!(json(&log, 0).unwrap(), None, "it is too long");
        assert_eq!(json(&log, 2).unwrap(), None, "it is not there");
    }
}
