//! Source streams: their settings, and the logs behind them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dag_api::{Clock, Column, CreateStream, Durability};
use dag_codec::{MAX_COLUMNS, TimeColumn};
use dag_expr::syntax::name::Quoted;
use dag_log::{Committer, OpenError, Options, Retention, Source, SourceOptions, Watch, is_full};
use dag_model::text::{MAX_NAME, check_name, shortened};
use dag_model::{Field, Schema, Timestamp, Type};

use crate::error::{Code, NodeError};
use crate::timers::GRACE;
use crate::wake::Wake;

/// Who writes a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Publishers.
    Published,
    /// The node, with what the derived stream of this canonical name has passed over.
    Errors(String),
}

impl Origin {
    /// The kind of such streams, as listings call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Origin::Published => "source",
            Origin::Errors(_) => "errors",
        }
    }

    /// The name of such a stream as expressions have it.
    pub fn canonical(&self, name: &str) -> String {
        match self {
            Origin::Published => Quoted(name).to_string(),
            Origin::Errors(_) => name.to_owned(),
        }
    }
}

/// A source stream.
pub struct SourceStream {
    /// Who writes it.
    pub origin: Origin,
    /// How it was created, and altered since.
    pub settings: CreateStream,
    /// Its columns.
    pub schema: Schema,
    /// Its log and publishers.
    pub source: Arc<Source>,
    /// Lines that were no records, since the node started.
    refused: Arc<AtomicU64>,
    timers: Arc<Wake>,
    /// Wakes the timers when there is news of a stream that they may have to speak for.
    _news: Option<Watch>,
}

/// All source streams by name.
pub type Sources = BTreeMap<String, Arc<SourceStream>>;

impl SourceStream {
    /// Makes a source in `folder`. It is there, durably, before anything is kept that says so.
    pub fn create(
        folder: &Path,
        origin: Origin,
        settings: CreateStream,
        committer: &Committer,
        timers: &Arc<Wake>,
    ) -> Result<SourceStream, NodeError> {
        let (schema, options) = (schema(&settings.schema)?, options(&origin, &settings)?);
        let source = Source::create(folder, &schema, options, committer).map_err(|error| {
            let full = matches!(&error, OpenError::Io { source, .. } if is_full(source));
            let code = if full { Code::DiskFull } else { Code::Internal };
            NodeError::new(code, format!("stream `{}` cannot be made: {error}", settings.name))
        })?;
        Ok(SourceStream::new(origin, settings, schema, Arc::new(source), Arc::default(), timers.clone()))
    }

    fn new(
        origin: Origin,
        settings: CreateStream,
        schema: Schema,
        source: Arc<Source>,
        refused: Arc<AtomicU64>,
        timers: Arc<Wake>,
    ) -> SourceStream {
        let news = (settings.clock == Clock::Node).then(|| {
            let timers = timers.clone();
            source.log().on_visible(Arc::new(move || timers.wake_within(GRACE)))
        });
        SourceStream { origin, settings, schema, source, refused, timers, _news: news }
    }

    /// Opens the source that was made in `folder`. The inner error is the log's, and concerns this stream only.
    pub fn open(
        folder: &Path,
        origin: Origin,
        settings: &CreateStream,
        committer: &Committer,
        timers: &Arc<Wake>,
    ) -> Result<Result<SourceStream, OpenError>, NodeError> {
        let (schema, options) = (schema(&settings.schema)?, options(&origin, settings)?);
        let source = match Source::open(folder, options, committer, timers.clock()) {
            Ok(source) => source,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(cut) = source.log().cut() {
            tracing::warn!(stream = settings.name, %cut, "a crash left what nobody had been promised");
        }
        let (settings, source) = (settings.clone(), Arc::new(source));
        Ok(Ok(SourceStream::new(origin, settings, schema, source, Arc::default(), timers.clone())))
    }

    /// The same stream under other settings, which hold from now on.
    pub fn altered(&self, settings: CreateStream) -> Result<SourceStream, NodeError> {
        self.source.alter(options(&self.origin, &settings)?);
        let (schema, source, refused) = (self.schema.clone(), self.source.clone(), self.refused.clone());
        Ok(SourceStream::new(self.origin.clone(), settings, schema, source, refused, self.timers.clone()))
    }

    /// Where a body's records have their time. `named` is the column that a request names.
    pub fn time_column(&self, named: Option<String>) -> TimeColumn {
        match &self.settings.time {
            // The log stamps records when it gives them their place.
            None => TimeColumn { name: named, arrival: Some(Timestamp::MIN), ..TimeColumn::default() },
            Some(time) => TimeColumn { name: named.or_else(|| time.column.clone()), unit: time.unit, arrival: None },
        }
    }

    /// Counts lines that were no records.
    pub fn count_refused(&self, lines: u64) {
        self.refused.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines that were no records, since the node started.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Checks settings before anything is made of them.
pub fn check(settings: &CreateStream) -> Result<(), NodeError> {
    let bad = |message: String| Err(NodeError::new(Code::BadRequest, message));
    if let Err(why) = check_name(&settings.name, MAX_NAME) {
        return bad(format!("a stream's name {why}"));
    }
    if settings.schema.is_empty() {
        return bad("a stream has at least one column besides its time".to_owned());
    }
    if settings.schema.len() > MAX_COLUMNS {
        return bad(format!("a stream has at most {MAX_COLUMNS} columns, this one has {}", settings.schema.len()));
    }
    let names = settings.schema.iter().map(|column| &column.name);
    let time = settings.time.as_ref().and_then(|time| time.column.as_ref());
    for name in names.clone().chain(time) {
        if let Err(why) = check_name(name, MAX_NAME) {
            return bad(format!("column `{}`: a column's name {why}", shortened(name, SHOWN)));
        }
    }
    let length: usize = names.map(String::len).sum();
    if length > MAX_NAMES {
        return bad(format!("the columns' names have {length} bytes together; the limit is {MAX_NAMES}"));
    }
    if let Some(time) = &settings.time
        && let Some(column) = &time.column
        && settings.schema.iter().any(|other| other.name == *column)
    {
        return bad(format!("column `{column}` is the time: leave it out of the schema"));
    }
    schema(&settings.schema)?;
    options(&Origin::Published, settings).map(drop)
}

/// Refuses another stream where there are so many.
pub(crate) fn room_for_stream(there: usize) -> Result<(), NodeError> {
    match there < MAX_STREAMS {
        true => Ok(()),
        false => Err(NodeError::new(Code::Busy, format!("there are {MAX_STREAMS} streams, which is the limit"))),
    }
}

/// The most bytes of the names of all columns together, which each segment of the log begins with.
const MAX_NAMES: usize = 64 << 10;

/// How many characters of a name that is refused are shown.
const SHOWN: usize = 40;

/// The most streams that are published to or hold what others pass over: each takes files, and some memory.
const MAX_STREAMS: usize = 10_000;

fn schema(columns: &[Column]) -> Result<Schema, NodeError> {
    let bad = |message| NodeError::new(Code::BadRequest, message);
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
    let mut names = HashSet::with_capacity(columns.len());
    for Column { name, ty } in columns {
        if name.is_empty() || name == dag_model::TIME {
            return Err(bad(format!("`{name}` cannot be a column's name: every record has a `time` of its own")));
        }
        if !names.insert(name) {
            return Err(bad(format!("there are two columns `{name}`")));
        }
        let names = Type::ALL.map(Type::name).join(", ");
        let ty = Type::from_name(ty)
            .ok_or_else(|| bad(format!("column `{name}`: unknown type `{ty}`; there are {names}")))?;
        fields.push(Field::new(name.clone(), ty));
    }
    Ok(Schema::new(fields))
}

fn options(origin: &Origin, settings: &CreateStream) -> Result<SourceOptions, NodeError> {
    let age = settings.retention.age.as_deref().map(|age| duration("retention.age", age)).transpose()?;
    let log = Options {
        durability: match settings.durability {
            Durability::Fsync => dag_log::Durability::Fsync,
            Durability::Os => dag_log::Durability::Os,
        },
        retention: Retention { age, bytes: settings.retention.bytes },
        segment_bytes: segment_bytes(settings.retention.bytes),
    };
    Ok(SourceOptions {
        log,
        out_of_order: duration("out_of_order", &settings.out_of_order)?,
        max_ahead: duration("max_ahead", &settings.max_ahead)?,
        idle: duration("idle", &settings.idle)?,
        clock_node: settings.clock == Clock::Node,
        arrival: settings.time.is_none(),
        remember: match origin {
            Origin::Published => age,
            // As long as an incarnation's record, which is handed in as a whole at each of its starts.
            Origin::Errors(_) => None,
        },
    })
}

/// How large a segment of a log of so many bytes grows. Whole segments are removed, so a small log has small ones.
fn segment_bytes(kept: Option<u64>) -> u64 {
    let most = Options::default().segment_bytes;
    kept.map_or(most, |kept| (kept / SEGMENTS).clamp(LEAST_SEGMENT, most))
}

/// How many segments a log of limited size has, at least.
const SEGMENTS: u64 = 8;

/// The size of the smallest segments.
const LEAST_SEGMENT: u64 = 64 << 10;

/// A duration as expressions write it.
pub fn duration(what: &str, text: &str) -> Result<Duration, NodeError> {
    let parsed = dag_expr::argument::duration(text);
    let ns = parsed.map_err(|why| NodeError::new(Code::BadRequest, format!("{what}: {why}")))?;
    u64::try_from(ns)
        .map(Duration::from_nanos)
        .map_err(|_| NodeError::new(Code::BadRequest, format!("{what}: `{text}` is negative")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_a_number_of_streams() {
        assert!(room_for_stream(MAX_STREAMS - 1).is_ok());
        let full = room_for_stream(MAX_STREAMS).unwrap_err();
        assert_eq!((full.code, full.message.as_str()), (Code::Busy, "there are 10000 streams, which is the limit"));
    }
}
