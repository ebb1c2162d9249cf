//! Limits of what is agreed on, in bytes and time.

use std::time::Duration;

/// The most bytes of a proposal.
pub const MAX_PROPOSAL: usize = 64 << 10;

/// The most proposals that share an entry of the log.
pub const MAX_GROUPED: usize = 512;

/// The most bytes of an entry's proposals.
pub const MAX_GROUP: usize = 256 << 10;

/// The most proposals that wait on a node; others are told to come back.
pub const MAX_WAITING: usize = 4096;

/// The most groups that a leader has under way.
pub const MAX_UNDER_WAY: usize = 4;

/// The most nodes that vote, are to vote, or did until the change that is under way.
pub const MAX_SEATS: usize = 16;

/// The most bytes of entries in one message, unless one alone has more: together with what is said of them they fit in a request.
pub const MAX_ENTRIES: usize = 512 << 10;

/// How long a proposal may take. What has not been answered by then may still happen.
pub const PROPOSE: Duration = Duration::from_secs(5);

/// How long a snapshot may take from node to node.
pub const SNAPSHOT: Duration = Duration::from_secs(60);

/// The most bytes of a snapshot.
pub const MAX_SNAPSHOT: u64 = 4 << 30;

/// How many bytes of a snapshot go as one part, unless a row alone has more.
pub const PART: usize = 256 << 10;

/// What may lie unread of a snapshot, or of changes, on their way.
pub const WINDOW: u32 = 1 << 20;

/// A snapshot is taken when the log since the last one has so many bytes, or entries.
pub const LOG_SINCE_SNAPSHOT: (u64, u64) = (4 << 20, 10_000);

/// How many entries are kept that a snapshot has: about as many as are made while one travels.
pub const KEPT: u64 = 10_000;

/// The most of what was agreed on last that is kept in memory for those who follow without a vote: bytes, and entries.
pub const RECENT: (usize, usize) = (4 << 20, 4096);

/// How often those who follow are told where the others are, if nothing changes.
pub const FOLLOW_PULSE: Duration = Duration::from_millis(500);

/// How long nothing may come from the one who is followed before another one is asked.
pub const FOLLOW_SILENCE: Duration = Duration::from_secs(2);

/// How long a voter that is not reached is left alone.
pub const BACKOFF: Duration = Duration::from_millis(100);

/// How long nobody may lead before proposals are refused at once; until then they wait for an election.
pub const LEADERLESS: Duration = Duration::from_secs(3);

/// How long a change of who votes may take.
pub const VOTERS: Duration = Duration::from_secs(90);

/// The most bytes of proposals that wait on a node.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// How soon what came to nothing is tried again.
pub const AGAIN: Duration = Duration::from_millis(20);
