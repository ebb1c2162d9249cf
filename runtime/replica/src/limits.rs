//! What bounds the protocol's memory, messages and times.

use std::time::Duration;

/// Limits of each replica. The defaults suit nodes in one network with disks that sync within some milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most appends that a leader has written and not committed: beyond, requests are refused as *full*.
    pub uncommitted: usize,
    /// The most bytes of these.
    pub uncommitted_bytes: usize,
    /// The most bytes of one append.
    pub append_bytes: usize,
    /// The most bytes of a publisher's name.
    pub name_bytes: usize,
    /// The most publishers that one append forgets.
    pub forgotten: usize,
    /// The bytes of appends that are kept in memory to be sent; who is farther behind is served from disk.
    pub recent_bytes: usize,
    /// The most appends of one message.
    pub message_appends: usize,
    /// The most bytes of the appends of one message, if it has more than one.
    pub message_bytes: usize,
    /// The most appends that are sent to one replica and not acknowledged.
    pub in_flight: usize,
    /// The most writes that a follower has begun and that are not durable: beyond, it takes no appends until some are.
    pub pending: usize,
    /// The most requests, and the most questions, that wait for a leader's answer.
    pub waiting: usize,
    /// The most publishers that a stream remembers.
    pub publishers: usize,
    /// After how many committed appends a checkpoint is written.
    pub checkpoint: u64,
    /// After what time without an answer a message is sent again. It doubles with each try up to `retry_most`.
    pub retry: Duration,
    /// The most that a retry waits.
    pub retry_most: Duration,
    /// How long a candidate waits for promises before it says that it does not get them.
    pub stand: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            uncommitted: 1024,
            uncommitted_bytes: 64 << 20,
            append_bytes: 32 << 20,
            name_bytes: 256,
            forgotten: 1000,
            recent_bytes: 16 << 20,
            message_appends: 256,
            message_bytes: 1 << 20,
            in_flight: 1024,
            pending: 2048,
            waiting: 10_000,
            publishers: 10_000,
            checkpoint: 1024,
            retry: Duration::from_millis(100),
            retry_most: Duration::from_secs(5),
            stand: Duration::from_millis(500),
        }
    }
}
