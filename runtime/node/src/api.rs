//! The values that the HTTP API takes and gives, as `docs/http.md` defines them. The server writes them, clients read them.

mod operators;

use serde::{Deserialize, Serialize};

use crate::limits::LimitSettings;

pub use operators::{
    DeployParameters, Deployed, Move, Operator, OperatorVersions, Operators, Parameter, Place, Replay, Version,
};

/// The answer of `GET /v1/streams`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Streams {
    /// Sources and derived streams.
    pub streams: Vec<Stream>,
}

/// A stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stream {
    /// Its canonical expression.
    pub name: String,
    /// `source` or `derived`.
    pub kind: String,
    /// Its columns besides the time.
    pub schema: Vec<Column>,
    /// Records kept, late ones included.
    pub records: u64,
    /// Late records among them.
    pub late: u64,
    /// On disk.
    pub bytes: u64,
    /// A time, `sealed`, or none while nobody has spoken for the stream.
    pub frontier: Option<String>,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// `open`, `sealed`, `running`, `lingering`, `finished`, `failed` or `stored`.
    pub state: String,
    /// How many subscriptions read it.
    pub subscribers: usize,
    /// The position of the earliest record kept.
    pub earliest: Option<String>,
    /// How many computations of it run.
    pub computations: usize,
    /// Of a source: how it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<CreateStream>,
    /// Of a derived stream: what becomes of a record on which its operator fails every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Of a source: who publishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<Publisher>,
    /// Something that deserves saying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A column of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: `float64`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// The body of `POST /v1/streams`, and a source's settings as they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateStream {
    /// The stream's name, without quotes.
    pub name: String,
    /// Its columns besides the time.
    pub schema: Vec<Column>,
    /// Where records have their time; null for the time of their arrival.
    #[serde(default = "TimeColumn::usual")]
    pub time: Option<TimeColumn>,
    /// How far a publisher's records may lie behind its latest: `30s`.
    #[serde(default = "none")]
    pub out_of_order: String,
    /// How far past the node's clock a live record may be.
    #[serde(default = "ten_minutes")]
    pub max_ahead: String,
    /// How long a named publisher may be silent before it is taken to have left.
    #[serde(default = "thirty_seconds")]
    pub idle: String,
    /// Who speaks for the stream when no publisher does.
    #[serde(default)]
    pub clock: Clock,
    /// How long records are kept.
    #[serde(default)]
    pub retention: Retention,
    /// When records count as kept.
    #[serde(default)]
    pub durability: Durability,
}

/// The body of `PATCH /v1/streams/{name}`: what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlterStream {
    /// How far a publisher's records may lie behind its latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<String>,
    /// How far past the node's clock a live record may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ahead: Option<String>,
    /// How long a named publisher may be silent before it is taken to have left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// Who speaks for the stream when no publisher does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// How long records are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<AlterRetention>,
    /// Of a derived stream: what becomes of a record on which its operator fails every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<serde_json::Value>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<serde_json::Value>,
}

/// How long records are kept from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlterRetention {
    /// Since they were appended; `none` for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// At most so many bytes of them; 0 for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What becomes of a record on which an operator fails every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The computation stops there.
    #[default]
    Stop,
    /// The record is passed over.
    Skip,
}

/// The column that holds a record's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeColumn {
    /// Its name; by default `time`, `timestamp` or `ts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What an integer counts.
    #[serde(default)]
    pub unit: dag_codec::TimeUnit,
}

impl TimeColumn {
    #[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
    fn usual() -> Option<TimeColumn> {
        Some(TimeColumn::default())
    }
}

/// Who speaks for a stream when no publisher does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Nobody: its frontier waits for the next publisher.
    #[default]
    Publishers,
    /// The node, by its own clock.
    Node,
}

/// How long records are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Since they were appended: `7d`; null for ever.
    #[serde(default = "seven_days")]
    pub age: Option<String>,
    /// At most so many bytes of them; null for any number.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { age: seven_days(), bytes: None }
    }
}

/// When records count as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When they are on the disk.
    #[default]
    Fsync,
    /// When the operating system has them.
    Os,
}

fn none() -> String {
    "0s".to_owned()
}

fn ten_minutes() -> String {
    "10m".to_owned()
}

fn thirty_seconds() -> String {
    "30s".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn seven_days() -> Option<String> {
    Some("7d".to_owned())
}

/// A publisher of a source stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// The time before which it sends nothing.
    pub bound: Option<String>,
    /// Since when it has been joined.
    pub joined: String,
    /// When it is taken to have left, unless it speaks.
    pub idle_at: String,
}

/// The parameters of `POST /v1/streams/{name}/records`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublishParameters {
    /// Makes the request idempotent, together with the next two.
    pub publisher: Option<String>,
    /// Which run of the publisher this is.
    pub session: Option<u64>,
    /// The number of the batch in its session, from 1.
    pub batch: Option<u64>,
    /// Nothing earlier than this time will come from this publisher: RFC 3339.
    pub heartbeat: Option<String>,
    /// The publisher says goodbye.
    pub leave: bool,
    /// Its history is complete.
    pub done: bool,
    /// The stream ends.
    pub seal: bool,
    /// Lifts the check against records from the future.
    pub history: bool,
    /// The number of the body's first line in its file.
    pub line: Option<u64>,
    /// The name of the time column in this body.
    pub time: Option<String>,
}

/// The answer of `POST /v1/streams/{name}/records`, also where some records were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Records that were on time.
    pub accepted: u64,
    /// Records that came late, and were kept apart.
    pub late: u64,
    /// Lines that are not records of the stream.
    pub refused: u64,
    /// Whether this batch had been accepted before.
    pub repeat: bool,
    /// The position of the first record, where there is one.
    pub first: Option<String>,
    /// The position after the last.
    pub end: String,
    /// The stream's frontier now.
    pub frontier: Option<String>,
    /// Why lines were refused, the first 1,000 of them.
    pub refusals: Vec<dag_codec::Refusal>,
}

/// The answer of `GET /v1/streams/{name}/publishers/{publisher}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherProgress {
    /// Its name.
    pub name: String,
    /// The run of the publisher that the batches are numbered in.
    pub session: u64,
    /// The last batch that was accepted; 0 before the first.
    pub batch: u64,
    /// Whether it holds the frontier.
    pub joined: bool,
}

/// The parameters of `GET /v1/subscribe`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscribeParameters {
    /// The stream.
    pub expr: String,
    /// `newest`, `earliest`, `latest`, a time, or a position.
    pub from: Option<String>,
    /// An age.
    pub since: Option<String>,
    /// A time: RFC 3339.
    pub until: Option<String>,
    /// Ends after so many records.
    pub limit: Option<u64>,
    /// Time order.
    pub ordered: bool,
    /// A column `position`.
    pub positions: bool,
    /// An unknown stream or operator is waited for.
    pub wait: bool,
    /// `json`, `csv`, `arrow` or `sse`.
    pub format: Option<String>,
    /// The cursor to read with.
    pub cursor: Option<String>,
    /// Goes on as that reader of the cursor.
    pub reader: Option<u64>,
    /// The position of the last record that this reader has read.
    pub after: Option<String>,
}

/// The answer of `GET /v1/cursors`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cursors {
    /// By name.
    pub cursors: Vec<Cursor>,
}

/// A cursor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// Its name.
    pub name: String,
    /// The stream that it belongs to.
    pub stream: String,
    /// `reading`, `idle`, `behind` where retention has overtaken it, or `gone` where its log was removed.
    pub state: String,
    /// The position of the next record.
    pub next: String,
    /// The newest of its readers.
    pub reader: u64,
    /// How many records lie behind it in its log, late ones included; none where that is gone.
    pub lag: Option<u64>,
    /// How many records retention has removed that it had not passed.
    pub lost: u64,
    /// When it was made.
    pub created: String,
    /// When an acknowledgement moved it last.
    pub acknowledged: Option<String>,
}

/// The body of `POST /v1/cursors/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// Who acknowledges.
    pub reader: u64,
    /// The position of the last record that was read.
    pub after: String,
}

/// The body of `PUT /v1/cursors/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetCursor {
    /// Where to, as a subscription's `from`.
    pub to: String,
}

/// The answer of `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    pub workers: usize,
    /// Open subscriptions.
    pub subscribers: usize,
    /// Resident bytes.
    pub memory: u64,
    /// Cursors that somebody reads with.
    #[serde(default)]
    pub cursors: Vec<Cursor>,
    /// What runs, lingers, or has failed.
    pub computations: Vec<Computation>,
}

/// A computation of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Computation {
    /// Its stream's canonical expression.
    pub stream: String,
    /// The run of it.
    pub incarnation: u64,
    /// `running`, `lingering`, `failed` or `waiting`.
    pub state: String,
    /// The operator it applies.
    pub operator: String,
    /// The component that exports it.
    pub component: String,
    /// That component's digest.
    pub digest: String,
    /// What its instances may use.
    pub limits: LimitSettings,
    /// How many subscriptions and computations need it.
    pub users: usize,
    /// Records read.
    pub records_in: u64,
    /// Records written.
    pub records_out: u64,
    /// Of its output.
    pub frontier: Option<String>,
    /// Why it does not run.
    pub error: Option<String>,
    /// What it waits for before it can start.
    pub waiting: Option<String>,
}

/// The answer of `GET /v1/explain`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The canonical expression.
    pub stream: String,
    /// The stream and, after it, what feeds it.
    pub streams: Vec<Explained>,
    /// The node's clock.
    pub clock: String,
}

/// A stream of an explanation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explained {
    /// Its canonical expression.
    pub stream: String,
    /// `source` or `derived`.
    pub kind: String,
    /// As in listings; `absent` where nothing computes it.
    pub state: String,
    /// Records read, or published.
    pub records_in: u64,
    /// Records written.
    pub records_out: u64,
    /// Records that came late.
    pub late: u64,
    /// Lines that were no records.
    pub refused: u64,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// As in listings.
    pub frontier: Option<String>,
    /// The input frontier at which the next result comes.
    pub next: Option<String>,
    /// One sentence on why no output comes.
    pub cause: Option<String>,
    /// Records of its input that are passed over, because its operator fails on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

/// A record that a computation passes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The stream that it is of.
    pub stream: String,
    /// Its position there.
    pub position: String,
    /// What the operator did.
    pub why: String,
}

/// The body of `POST /v1/backup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackUp {
    /// The folder on the node's machine, with its whole path.
    pub directory: std::path::PathBuf,
}

/// The answer of `POST /v1/backup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackedUp {
    /// Where the backup is.
    pub directory: String,
    /// Bytes that were copied.
    pub written: u64,
    /// Bytes that were there from an earlier backup.
    pub reused: u64,
    /// How many source streams are in it.
    pub sources: u64,
    /// How many runs of derived streams.
    pub derived: u64,
    /// How many components.
    pub components: u64,
    /// How long it took.
    pub seconds: f64,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What failed.
    pub error: Cause,
}

/// What failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cause {
    /// Stable, for programs.
    pub code: String,
    /// Complete, for people.
    pub message: String,
}
