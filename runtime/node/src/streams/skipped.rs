//! `errors(X)`: what the derived stream `X` has skipped, in a log that the node itself publishes to.
//!
//! What counts is the incarnation's record: it says that a record is skipped before there is any output past it, durably. Its list
//! is handed in whenever the incarnation is started, and when the node is, and what the log lacks of it is published without holding up
//! anybody. The publisher is the incarnation, by its first number, and the n-th record of its list is the n-th batch: what is handed in
//! again, after a crash or because the disk was full, is a repeat to the log, and counts once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_api::{Clock, Column, CreateStream, Durability, Retention, SkippedRecord};
use dag_codec::{EncodeOptions, Encoder, Format, MAX_LINE};
use dag_expr::errors_of;
use dag_lock::{Guard, Mutex};
use dag_log::{Log, Publish, PublishError, PublisherId, ReadError, Start};
use dag_model::IncarnationId;
use dag_plan::Incarnation;

use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::source::{Origin, SourceStream};

/// What stands for the time of a record that its log gives it.
const UNSTAMPED: i64 = 0;

/// Incarnations whose skipped records may not all be in their streams yet.
pub(super) struct Waiting {
    records: Mutex<BTreeMap<IncarnationId, Incarnation>>,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { records: Mutex::new("skipped", BTreeMap::new()) }
    }
}

impl Waiting {
    fn records(&self) -> Guard<'_, BTreeMap<IncarnationId, Incarnation>> {
        self.records.lock()
    }
}

/// How the stream of what `of` skips is kept: times are the node's, which also moves its frontier on.
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

/// A record that an incarnation has skipped.
#[derive(Debug)]
pub(crate) struct Row {
    /// The incarnation.
    pub incarnation: IncarnationId,
    /// Where the record lies, and why it was skipped.
    pub skipped: SkippedRecord,
    /// What it says, as [`json`] shows it.
    pub record: Option<String>,
}

impl Row {
    /// A batch of that one row, for that stream.
    fn batch(self, errors: &SourceStream) -> RecordBatch {
        let SkippedRecord { stream, position, why } = self.skipped;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampNanosecondArray::from(vec![UNSTAMPED]).with_timezone("UTC")),
            Arc::new(Int64Array::from(vec![i64::try_from(self.incarnation.0).unwrap_or(i64::MAX)])),
            Arc::new(StringArray::from(vec![stream])),
            Arc::new(StringArray::from(vec![position])),
            Arc::new(StringArray::from(vec![why])),
            Arc::new(StringArray::from(vec![self.record])),
        ];
        RecordBatch::try_new(errors.source.log().arrow_schema().clone(), columns).expect("these are its columns")
    }
}

impl Streams {
    /// The stream of what the derived stream of that canonical name skips, made where it is missing.
    pub fn skipped_of(&self, of: &str) -> Result<Arc<SourceStream>, StreamError> {
        let settings = settings(of);
        let (source, _) = self.get_or_add(Origin::Errors(of.to_owned()), &settings)?;
        match source.origin {
            Origin::Errors(_) => Ok(source),
            Origin::Published => Err(StreamError::NameTaken(settings.name)),
        }
    }

    /// What the record says is skipped is to be in its stream. Whoever writes there is woken by the caller.
    pub fn hand_in(&self, record: &Incarnation) {
        if !record.skipped.is_empty() {
            self.skipped.records().insert(record.id, record.clone());
        }
    }

    /// The incarnations of which something may not be there yet.
    pub fn handed_in(&self) -> Vec<Incarnation> {
        self.skipped.records().values().cloned().collect()
    }

    /// Whether something of that incarnation may not be there yet.
    pub fn is_handed_in(&self, id: IncarnationId) -> bool {
        self.skipped.records().contains_key(&id)
    }

    /// That incarnation is forgotten.
    pub fn let_go(&self, id: IncarnationId) {
        self.skipped.records().remove(&id);
    }

    /// Whether anything may not be there yet.
    pub fn is_any_handed_in(&self) -> bool {
        !self.skipped.records().is_empty()
    }

    /// All that the record says is there.
    pub fn written(&self, record: &Incarnation) {
        let mut records = self.skipped.records();
        records.retain(|id, newest| *id != record.id || newest.skipped.len() > record.skipped.len());
    }

    /// Whether the stream of what `of` skips cannot be opened now. When it is, all is handed in.
    pub fn is_skipped_unavailable(&self, of: &str) -> bool {
        self.unavailable().why(&errors_of(of)).is_some()
    }

    /// What had begun to write then was refused for want of room.
    pub fn tell_full(&self, begun: Instant) {
        self.room.tell(begun);
    }

    /// Writes the `batch`-th record that the publisher of that name has skipped.
    pub fn write_skipped(
        &self,
        errors: &SourceStream,
        publisher: String,
        batch: u64,
        row: Row,
    ) -> Result<(), PublishError> {
        let publish = Publish {
            publisher: Some(PublisherId { name: publisher, session: 1, batch }),
            batch: Some(row.batch(errors)),
            // Time-ordered readers need not wait for the node's next heartbeat.
            done: true,
            ..Publish::default()
        };
        errors.source.publish(publish, self.clock).map(drop)
    }
}

/// A record as NDJSON shows it; none where the log no longer has it, or it would make a longer line than can be published.
pub(crate) fn json(log: &Log, sequence: u64) -> Result<Option<String>, ReadError> {
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
