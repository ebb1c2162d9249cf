//! The answers of the API, as far as commands look into them. `docs/http.md` is their definition.

use dag_model::Field;
use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/streams`.
#[derive(Debug, Deserialize)]
pub struct Streams {
    /// Sources and derived streams.
    pub streams: Vec<Stream>,
}

/// A stream.
#[derive(Debug, Deserialize)]
pub struct Stream {
    /// Its canonical expression.
    pub name: String,
    /// `source` or `derived`.
    pub kind: String,
    /// Its columns besides the time.
    pub schema: Vec<Column>,
    /// Records kept, late ones apart.
    #[serde(default)]
    pub records: u64,
    /// Late records kept.
    #[serde(default)]
    pub late: u64,
    /// On disk.
    #[serde(default)]
    pub bytes: u64,
    /// A time, `sealed`, or none while nobody has spoken for the stream.
    pub frontier: Option<String>,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// `open`, `running`, ...
    pub state: String,
    /// How many subscriptions read it.
    #[serde(default)]
    pub subscribers: u64,
    /// The position of the earliest record kept.
    pub earliest: Option<String>,
    /// Of a source: how it was created.
    pub settings: Option<Settings>,
    /// Of a source: who publishes.
    #[serde(default)]
    pub publishers: Vec<Publisher>,
    /// Something that deserves saying.
    pub note: Option<String>,
}

/// A column of a stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: `float64`.
    #[serde(rename = "type")]
    pub ty: String,
}

impl From<&Field> for Column {
    fn from(field: &Field) -> Column {
        Column { name: field.name.clone(), ty: field.ty.name().to_owned() }
    }
}

/// How a source stream was created.
#[derive(Debug, Deserialize)]
pub struct Settings {
    /// Where records have their time; none if they get that of their arrival.
    pub time: Option<TimeColumn>,
    /// How far a publisher's records may lie behind its latest: `30s`.
    pub out_of_order: Option<String>,
    /// How far past the node's clock a live record may be.
    pub max_ahead: Option<String>,
    /// How long a publisher may be silent.
    pub idle: Option<String>,
}

/// The column that holds a record's time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct TimeColumn {
    /// Its name; by default `time`, `timestamp` or `ts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What an integer counts: `s`, `ms`, `us` or `ns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A publisher of a source stream.
#[derive(Debug, Deserialize)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// The time before which it sends nothing.
    pub bound: Option<String>,
    /// Whether it holds the frontier.
    pub joined: bool,
    /// When it stops holding it, unless it speaks.
    pub idle_at: Option<String>,
}

/// The answer of `POST /v1/streams/{name}/records`, also where some records were refused.
#[derive(Debug, Deserialize)]
pub struct Published {
    /// Records that were on time.
    pub accepted: u64,
    /// Records that came late, and were kept apart.
    pub late: u64,
    /// Lines that are not records of the stream.
    pub refused: u64,
    /// Whether this batch had been accepted before.
    #[serde(default)]
    pub repeat: bool,
    /// Why lines were refused, the first 1,000 of them.
    #[serde(default)]
    pub refusals: Vec<RefusedLine>,
}

/// A line that is not a record of the stream.
#[derive(Debug, Deserialize, Serialize)]
pub struct RefusedLine {
    /// The line's number in its file, from 1.
    pub line: u64,
    /// The column that is wrong, where it is only one.
    pub column: Option<String>,
    /// What was found and expected.
    pub reason: String,
}

/// The answer of `GET /v1/streams/{name}/publishers/{publisher}`.
#[derive(Debug, Deserialize)]
pub struct Progress {
    /// The run of the publisher that the batches are numbered in.
    pub session: u64,
    /// The last batch that was accepted; 0 before the first.
    pub batch: u64,
}

/// The answer of `GET /v1/operators`.
#[derive(Debug, Deserialize)]
pub struct Operators {
    /// All that are deployed.
    pub operators: Vec<Operator>,
}

/// An operator.
#[derive(Debug, Deserialize)]
pub struct Operator {
    /// Its name.
    pub name: String,
    /// The component that exports it.
    pub component: String,
    /// That component's version.
    pub version: String,
    /// That component's digest.
    pub digest: String,
    /// `aggregate` or `transform`.
    pub kind: String,
    /// Its signature as one writes it: `avg(x, 5min, by=column)`.
    pub usage: String,
    /// One sentence.
    #[serde(default)]
    pub doc: String,
    /// An expression that uses it.
    #[serde(default)]
    pub example: String,
    /// Besides its inputs.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
}

/// A parameter of an operator.
#[derive(Debug, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What it is when not given.
    pub default: Option<String>,
    /// One sentence.
    #[serde(default)]
    pub doc: String,
}

/// The answer of `POST /v1/components`.
#[derive(Debug, Deserialize)]
pub struct Deployed {
    /// The component's name.
    pub component: String,
    /// Its version.
    pub version: String,
    /// The digest of its bytes.
    pub digest: String,
    /// Whether these bytes were deployed before.
    #[serde(default)]
    pub repeat: bool,
    /// What it exports.
    pub operators: Vec<Operator>,
    /// The streams that waited for it and run now.
    #[serde(default)]
    pub started: Vec<String>,
}

/// The answer of `GET /v1/status`.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// Of dag.
    pub version: String,
    /// Of the node.
    pub pid: u32,
    /// Its address.
    pub listen: String,
    /// Its data folder.
    pub data: String,
    /// Seconds since it started.
    pub uptime: f64,
    /// Threads that compute.
    pub workers: u64,
    /// Open subscriptions.
    pub subscribers: u64,
    /// Resident bytes.
    pub memory: u64,
    /// What runs.
    pub computations: Vec<Computation>,
}

/// A computation of a node.
#[derive(Debug, Deserialize)]
pub struct Computation {
    /// Its stream's canonical expression.
    pub stream: String,
    /// `running`, `lingering`, `failed`, ...
    pub state: String,
    /// The operator it applies.
    #[serde(default)]
    pub operator: String,
    /// How many subscriptions and computations need it.
    #[serde(default)]
    pub users: u64,
    /// Records read.
    #[serde(default)]
    pub records_in: u64,
    /// Records written.
    #[serde(default)]
    pub records_out: u64,
    /// Of its output.
    pub frontier: Option<String>,
    /// Why it does not run.
    pub error: Option<String>,
    /// What it waits for before it can start.
    pub waiting: Option<String>,
}

/// The answer of `GET /v1/explain`.
#[derive(Debug, Deserialize)]
pub struct Explanation {
    /// The canonical expression.
    pub stream: String,
    /// The stream and, after it, what feeds it.
    pub streams: Vec<Explained>,
    /// The node's clock.
    pub clock: String,
}

/// A stream of an explanation.
#[derive(Debug, Deserialize)]
pub struct Explained {
    /// Its canonical expression.
    pub stream: String,
    /// `source` or `derived`.
    pub kind: String,
    /// As in listings.
    pub state: String,
    /// Records read, or published.
    #[serde(default)]
    pub records_in: u64,
    /// Records written.
    #[serde(default)]
    pub records_out: u64,
    /// Records that came late.
    #[serde(default)]
    pub late: u64,
    /// Lines that were no records.
    #[serde(default)]
    pub refused: u64,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// As in listings.
    pub frontier: Option<String>,
    /// When the next result comes.
    pub next: Option<String>,
    /// One sentence on why no output comes.
    pub cause: Option<String>,
}
