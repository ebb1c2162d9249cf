//! Source streams: their settings, and the logs behind them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dag_api::{Clock, CreateStream};
use dag_codec::TimeColumn;
use dag_expr::syntax::name::Quoted;
use dag_log::{Committer, OpenError, Source, Watch};
use dag_model::{Schema, Timestamp};
use tokio::sync::Semaphore;

use crate::clock::Clocks;
use crate::deadlines::Deadlines;
use crate::streams::error::StreamError;
use crate::streams::heartbeat::HEARTBEAT;
use crate::streams::publish::PUBLISHING_EACH;
use crate::streams::settings::{self, SettingsError};

/// Who writes a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Publishers.
    Published,
    /// The node, with what the derived stream of this canonical name has skipped.
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
    /// A place for each request that is being published to it.
    pub publishing: Arc<Semaphore>,
    /// Lines that were no records, since the node started.
    refused: Arc<AtomicU64>,
    deadlines: Arc<Deadlines<String>>,
    /// Has a stream looked at that the node may have to speak for, when there is news of it.
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
        deadlines: &Arc<Deadlines<String>>,
    ) -> Result<SourceStream, StreamError> {
        let (schema, options) = (settings::schema(&settings.schema)?, settings::options(&origin, &settings)?);
        let source = Source::create(folder, &schema, options, committer)
            .map_err(|source| StreamError::Make { name: settings.name.clone(), source })?;
        Ok(SourceStream::new(origin, settings, schema, Arc::new(source), Arc::default(), deadlines.clone()))
    }

    fn new(
        origin: Origin,
        settings: CreateStream,
        schema: Schema,
        source: Arc<Source>,
        refused: Arc<AtomicU64>,
        deadlines: Arc<Deadlines<String>>,
    ) -> SourceStream {
        let news = (settings.clock == Clock::Node).then(|| {
            let (deadlines, name) = (deadlines.clone(), settings.name.clone());
            source.log().on_visible(Arc::new(move || deadlines.look_by(&name, Instant::now() + HEARTBEAT)))
        });
        let publishing = Arc::new(Semaphore::new(PUBLISHING_EACH));
        SourceStream { origin, settings, schema, source, publishing, refused, deadlines, _news: news }
    }

    /// Opens the source that was made in `folder`. The inner error is the log's, and concerns this stream only.
    pub fn open(
        folder: &Path,
        origin: Origin,
        settings: &CreateStream,
        committer: &Committer,
        clock: Clocks,
        deadlines: &Arc<Deadlines<String>>,
    ) -> Result<Result<SourceStream, OpenError>, SettingsError> {
        let (schema, options) = (settings::schema(&settings.schema)?, settings::options(&origin, settings)?);
        let source = match Source::open(folder, options, committer, clock) {
            Ok(source) => source,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(cut) = source.log().cut() {
            tracing::warn!(stream = settings.name, %cut, "a crash left what nobody had been promised");
        }
        let (settings, source) = (settings.clone(), Arc::new(source));
        Ok(Ok(SourceStream::new(origin, settings, schema, source, Arc::default(), deadlines.clone())))
    }

    /// The same stream under other settings, which hold from now on.
    pub fn altered(&self, settings: CreateStream) -> Result<SourceStream, SettingsError> {
        self.source.alter(settings::options(&self.origin, &settings)?);
        let (schema, source, refused) = (self.schema.clone(), self.source.clone(), self.refused.clone());
        let altered = SourceStream::new(self.origin.clone(), settings, schema, source, refused, self.deadlines.clone());
        Ok(SourceStream { publishing: self.publishing.clone(), ..altered })
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
