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
    /// Open subscriptions.
    pub subscribers: usize,
    /// Resident bytes.
    pub memory: u64,
    /// Sources whose logs could not be opened, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unavailable: BTreeMap<String, String>,
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
