//! What requests may take of a node: memory, time and connections.

use std::time::Duration;

use dag_api::limits::RequestMemory;

/// Limits on what asks the node, whoever that is.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    /// Bytes that all requests may take together: bodies, what they come to, answers that wait to be read.
    pub memory: RequestMemory,
    /// How long a peer may be silent where it is expected to send a request, or to read an answer.
    pub patience: Duration,
    /// How many connections there may be, as long as that leaves half of the process's files to the node itself.
    pub connections: usize,
}

impl Default for Requests {
    fn default() -> Requests {
        Requests { memory: RequestMemory::default(), patience: Duration::from_secs(30), connections: 4096 }
    }
}

/// The least that a body must bring, and that of an answer must be read, in bytes a second; what is slower holds memory that others
/// want.
pub(crate) const LEAST_RATE: u64 = 16 << 10;

/// How long so many bytes may take.
pub(crate) fn time_for(bytes: usize, patience: Duration) -> Duration {
    patience + Duration::from_millis(bytes as u64 * 1_000 / LEAST_RATE)
}
