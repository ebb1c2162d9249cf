//! Limits of what mirrors ask for, hold and wait for, in bytes and time.

use std::time::Duration;

/// The most bytes of a question: where a mirror is, with a hash for each column.
pub const MAX_ASK: usize = 64 << 10;

/// The most bytes of a part of an answer: a header of the greatest size, and what is said of it.
pub const MAX_PART: usize = 2 << 20;

/// Heads are gathered into one part up to so many bytes.
pub const GATHERED: usize = 64 << 10;

/// The most bytes of a body in one part.
pub const PIECE: usize = 64 << 10;

/// The most bodies that one question asks for.
pub const MAX_BODIES: usize = 64;

/// The most parts of an append: more are refused, and no log writes as many.
pub const MAX_PARTS: usize = 1 << 16;

/// Bodies that are no longer come with their heads: the records of a stream that is read as it comes take no second question.
pub const INLINE: u32 = 4 << 10;

/// The most parts that are taken in for one mirror before others get their turn.
pub const TURN: usize = 64;

/// How long it takes until an origin is asked again that has said no, at first and at most: it doubles each time that all have.
pub const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How much of others' logs is held here, and how long is waited for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of bodies that a mirror keeps, but for those that somebody waits for.
    pub cache: usize,
    /// The most bytes of bodies that a mirror has asked for and that have not come, but for a single body.
    pub in_flight: usize,
    /// So many bytes of bodies are asked for at once, from one that is wanted on.
    pub ahead: usize,
    /// How long nothing may come of a body that is waited for, before who waits is told.
    pub patience: Duration,
    /// How long an origin may be silent, before another is asked.
    pub silence: Duration,
    /// How long an origin may not have heard of who leads the stream, before another is asked.
    pub stale: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            cache: 8 << 20,
            in_flight: 4 << 20,
            ahead: 1 << 20,
            patience: Duration::from_secs(30),
            silence: Duration::from_secs(3),
            stale: Duration::from_secs(3),
        }
    }
}

/// How often an origin says that it is there, where it has nothing else to say.
pub const STILL: Duration = Duration::from_secs(1);
