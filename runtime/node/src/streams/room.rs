//! What is told upwards where a publish is refused because the disk is full: who knows what can be given up makes room.

use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

/// How many refusals wait to be heard of; those beyond are answered as if nothing could be given up.
const WAITING: usize = 256;

/// A publish was refused for want of room.
#[derive(Debug)]
pub(crate) struct Refused {
    /// When it had begun.
    pub begun: Instant,
    /// Where it waits for whether there may be room now that was not there then.
    pub made: oneshot::Sender<bool>,
}

/// Where refusals are told.
#[derive(Clone, Debug)]
pub(super) struct Room(mpsc::Sender<Refused>);

impl Room {
    /// With what hears of them.
    pub fn new() -> (Room, mpsc::Receiver<Refused>) {
        let (refused, heard) = mpsc::channel(WAITING);
        (Room(refused), heard)
    }

    /// Tells of what was refused that had begun then. Returns whether it is worth another attempt.
    pub async fn is_made(&self, begun: Instant) -> bool {
        let (made, answer) = oneshot::channel();
        self.0.try_send(Refused { begun, made }).is_ok() && answer.await.unwrap_or(false)
    }

    /// The same, for who tries again by itself.
    pub fn tell(&self, begun: Instant) {
        let (made, _) = oneshot::channel();
        // Where too many wait to be heard of, room is looked for anyhow.
        let _ = self.0.try_send(Refused { begun, made });
    }
}
