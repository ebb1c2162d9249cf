//! Operators and the components that bring them.

use serde::{Deserialize, Serialize};

use crate::limits::{CallTime, LimitSettings, Memory, Output, Wait};

/// The answer of `GET /v1/operators`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operators {
    /// All that are deployed.
    pub operators: Vec<Operator>,
}

/// An operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Its signature as one writes it: `avg(STREAM, [WINDOW], by=)`.
    pub usage: String,
    /// One sentence.
    pub doc: String,
    /// An expression that uses it.
    pub example: String,
    /// Besides its inputs.
    pub parameters: Vec<Parameter>,
    /// Why it cannot be used, where its component cannot be loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// A parameter of an operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when not given.
    pub default: Option<String>,
    /// One sentence.
    pub doc: String,
}

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// With the version that it asks for: `wasi:clocks/wall-clock@0.2.9`.
    pub name: String,
    /// How that is answered, in a word: `host`, `clock`, `random`, `log`, `empty`, `streams`, `ends`, `refused`.
    pub answer: String,
    /// The same in a sentence.
    pub says: String,
}

/// The parameters of `POST /v1/components` and of a rollback: what its operators may use, where that is not what the node says, and
/// how what runs may move.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeployParameters {
    /// The memory of an instance: `256MiB`.
    pub memory: Option<Memory>,
    /// The time of a call: `10s`.
    pub time: Option<CallTime>,
    /// What a call may return: `64MiB`.
    pub output: Option<Output>,
    /// Only tells what would be done.
    pub dry_run: bool,
    /// Whether a computation may move by replay, where it cannot with its state.
    pub replay: bool,
    /// How long what moves is waited for: `5s`.
    pub wait: Wait,
}

impl Default for DeployParameters {
    fn default() -> DeployParameters {
        DeployParameters { memory: None, time: None, output: None, dry_run: false, replay: true, wait: Wait::default() }
    }
}

impl DeployParameters {
    /// What they say of limits.
    pub fn limits(&self) -> LimitSettings {
        LimitSettings { memory: self.memory, time: self.time, output: self.output }
    }
}

/// The answer of `POST /v1/components` and of a rollback.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployed {
    /// The component's name.
    pub component: String,
    /// Its version.
    pub version: String,
    /// The digest of its bytes.
    pub digest: String,
    /// The version that it takes the place of, if there is one.
    pub replaces: Option<String>,
    /// Whether these bytes were deployed before.
    pub repeat: bool,
    /// Whether this only tells what would be done.
    pub dry_run: bool,
    /// What each instance of it may use.
    pub limits: LimitSettings,
    /// What it exports.
    pub operators: Vec<Operator>,
    /// What it imports.
    #[serde(default)]
    pub imports: Vec<Import>,
    /// The streams that waited for it and run now.
    pub started: Vec<String>,
    /// The running computations whose operator it brings another version of.
    pub moves: Vec<Move>,
}

/// The parameters of `DELETE /v1/components/{name}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UndeployParameters {
    /// Ends what runs with it.
    pub force: bool,
    /// Only tells what would be done.
    pub dry_run: bool,
}

/// The answer of `DELETE /v1/components/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undeployed {
    /// The component's name.
    pub component: String,
    /// The versions that there were of it.
    pub versions: Vec<String>,
    /// The operators that are gone with it.
    pub operators: Vec<String>,
    /// The streams whose computations were ended.
    pub stopped: Vec<String>,
    /// Whether this only tells what would be done.
    pub dry_run: bool,
}

/// A running computation that gets another version of its operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Its stream's canonical expression.
    pub stream: String,
    /// The run of it.
    pub incarnation: u64,
    /// The version of the component that it ran.
    pub version: String,
    /// `state` or `replay`; null where it goes on with the version that it ran.
    pub by: Option<String>,
    /// For a replay: where it begins in each input.
    pub replay: Vec<Replay>,
    /// The frontier of its output at which the other version takes over; null in a dry run.
    pub at: Option<String>,
    /// Its first record by the other version; null in a dry run.
    pub position: Option<String>,
    /// How long nothing was computed, in seconds; null in a dry run.
    pub took: Option<f64>,
    /// Why it did not move, or not as it should have.
    pub error: Option<String>,
}

impl Move {
    /// A computation that goes on with the version that it runs.
    pub fn stays(stream: String, incarnation: u64, version: String, why: String) -> Move {
        let (by, replay, at, position, took) = (None, Vec::new(), None, None, None);
        Move { stream, incarnation, version, by, replay, at, position, took, error: Some(why) }
    }
}

/// Where a replay begins in an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The input.
    pub stream: String,
    /// The first record that is read.
    pub position: String,
    /// Earlier records are skipped.
    pub time: Option<String>,
}

/// The answer of `GET /v1/operators/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OperatorVersions {
    /// Its name.
    pub name: String,
    /// The component that exports it.
    pub component: String,
    /// The operator as the current version has it; null where that does not export it.
    pub operator: Option<Operator>,
    /// What the component's current version imports.
    #[serde(default)]
    pub imports: Vec<Import>,
    /// The component's versions, by when they last became current.
    pub versions: Vec<Version>,
}

/// A version of a component, as far as one operator is concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its place among all that was ever made current on this node, from 1.
    pub order: u64,
    /// When it became current; null where a node did that which did not record times.
    pub deployed: Option<String>,
    /// `deployed`, `embedded` in the binary, or `rolled back` to.
    pub how: String,
    /// Three numbers with dots.
    pub version: String,
    /// The digest of its bytes.
    pub digest: String,
    /// Whether new computations get it.
    pub current: bool,
    /// The version of the state that the operator writes; null where this version does not export it.
    pub state_written: Option<u32>,
    /// Those that it reads.
    pub state_read: Vec<u32>,
    /// The computations that it runs, or ran when they stopped.
    pub runs: Vec<Place>,
}

/// A computation, where a version of an operator is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its stream's canonical expression.
    pub stream: String,
    /// The run of it.
    pub incarnation: u64,
    /// As in listings of streams.
    pub state: String,
}
