//! What a node does at the moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use crate::limits::LimitSettings;

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
    /// Threads for operators' calls, beside these.
    #[serde(default)]
    pub guests: GuestThreads,
    /// Open subscriptions.
    pub subscribers: usize,
    /// Resident bytes.
    pub memory: u64,
    /// Memory of requests: bodies, what they come to, answers that wait to be read.
    #[serde(default)]
    pub requests: SharedMemory,
    /// Memory of computations: what the node holds for them, and their operators' instances.
    #[serde(default)]
    pub computation_memory: SharedMemory,
    /// Instances of operators that there are.
    #[serde(default)]
    pub instances: usize,
    /// How many there may be.
    #[serde(default)]
    pub instances_limit: usize,
    /// What is kept and cannot be used, and why: a source by its name, a component as `component electric 1.0.0`, a row of the metadata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unavailable: BTreeMap<String, String>,
    /// Cursors that somebody reads with.
    #[serde(default)]
    pub cursors: Vec<Cursor>,
    /// What runs, lingers, is about to stop, has failed or waits: as many as were asked for, what has failed and what waits first where that is
    /// not all of them.
    pub computations: Vec<Computation>,
    /// How many there are.
    #[serde(default)]
    pub computations_total: usize,
}

/// The parameters of `GET /v1/status`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusParameters {
    /// How many computations are listed at most.
    pub computations: usize,
}

impl Default for StatusParameters {
    fn default() -> StatusParameters {
        StatusParameters { computations: 100 }
    }
}

/// How busy the threads are on which operators are called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GuestThreads {
    /// How many there are.
    pub threads: usize,
    /// How many there may be.
    pub limit: usize,
    /// How many computations wait for one, because all are in long calls.
    pub waiting: usize,
}

/// Memory that several have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedMemory {
    /// Bytes taken.
    pub taken: u64,
    /// Bytes that there are.
    pub limit: u64,
}

/// A computation of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Computation {
    /// Its stream's canonical expression.
    pub stream: String,
    /// The run of it.
    pub incarnation: u64,
    /// `running`, `lingering`, `stopping`, `restarting`, `failed`, `quarantined`, `lost` or `waiting`.
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
    /// What the node holds in memory for it; none where nothing of it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Held>,
    /// Of its output.
    pub frontier: Option<String>,
    /// Why it does not run.
    pub error: Option<String>,
    /// What it waits for before it can start.
    pub waiting: Option<String>,
}

/// What a computation takes of memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Bytes that the node holds for it, besides its operator's instances.
    pub bytes: u64,
    /// The most bytes that these may be: `dag serve --computation-memory`.
    pub budget: u64,
    /// The name of the limit below that it is nearest to.
    pub nearest: String,
    /// The limits that the budget is made of, and that of an instance.
    pub limits: Vec<HeldOf>,
}

/// What of it one limit is on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldOf {
    /// What it is on.
    pub name: String,
    /// Bytes at the moment.
    pub bytes: u64,
    /// The most bytes at once so far.
    pub peak: u64,
    /// The most bytes that it may be.
    pub limit: u64,
}
