//! Sends batches of one publisher to one stream; each is kept once, however often it has to be sent.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use dag_api::{Code, Published, PublisherProgress};
use dag_codec::Format;
use serde_json::Value;

use super::chunks::Chunk;
use crate::client::{Client, ClientError, Target};
use crate::interrupt::Interrupt;
use crate::output;

/// How long a node may be away before a publisher gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first pause before sending again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A publisher of a stream.
pub struct Sender<'a> {
    /// The node.
    pub client: &'a Client,
    /// The stream's name.
    pub stream: &'a str,
    /// The publisher's name.
    pub publisher: String,
    /// Its run; batches are numbered in it.
    pub session: u64,
    /// How the records are written.
    pub format: Format,
    /// The time column, where it is not the stream's.
    pub time: Option<&'a str>,
    /// Lifts the check against records from the future.
    pub history: bool,
    /// Ctrl-C ends waiting for a node that is away.
    pub interrupt: Interrupt,
}

/// What a request says besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The publisher says goodbye.
    pub leave: bool,
    /// Its history is complete.
    pub done: bool,
    /// The stream is complete.
    pub seal: bool,
}

impl Sender<'_> {
    /// Sends a batch, again and again while the node is away or busy; none if Ctrl-C ended that.
    ///
    /// # Errors
    /// If the node does not take the batch, or is away for too long.
    pub async fn send(
        &mut self,
        batch: u64,
        chunk: Chunk,
        heartbeat: Option<i64>,
        ending: Ending,
    ) -> Result<Option<Published>, ClientError> {
        let target = self.target(heartbeat, ending).with("batch", batch).with("line", chunk.first_line);
        self.deliver(target.with_some("time", self.time).with_flag("history", self.history), chunk.bytes.into()).await
    }

    /// Sends word without records, which also tells the node that the publisher is still there.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn say(&mut self, heartbeat: Option<i64>, ending: Ending) -> Result<Option<Published>, ClientError> {
        self.deliver(self.target(heartbeat, ending), Bytes::new()).await
    }

    fn target(&self, heartbeat: Option<i64>, ending: Ending) -> Target {
        Target::new(&["streams", self.stream, "records"])
            .with("publisher", &self.publisher)
            .with("session", self.session)
            .with_some("heartbeat", heartbeat.map(dag_frame::time::format))
            .with_flag("leave", ending.leave)
            .with_flag("done", ending.done)
            .with_flag("seal", ending.seal)
    }

    async fn deliver(&mut self, target: Target, body: Bytes) -> Result<Option<Published>, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.client.post(&target, self.format.media_type(), body.clone()).await {
                Ok(answer) => return self.published(answer).map(Some),
                Err(ClientError::Refused(refusal)) if refusal.code == Some(Code::RefusedRecords) => {
                    return self.published(refusal.body).map(Some);
                }
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            if !error.is_passing() || Instant::now() + wait > deadline {
                return Err(error);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.interrupt.raised() => return Ok(None),
            }
        }
    }

    fn published(&self, answer: Value) -> Result<Published, ClientError> {
        let published: Published = serde_json::from_value(answer).map_err(|_| self.client.not_a_node())?;
        if let Some(before) = published.took_over.as_ref().filter(|before| before.joined) {
            output::note(&format!(
                "the name `{}` was taken over from another process, last heard of at {}, which is refused from now on; --publisher gives \
                 this one a name of its own",
                self.publisher, before.heard
            ));
        }
        Ok(published)
    }
}

/// How far a publisher has come, if the stream knows it.
///
/// # Errors
/// If the node cannot be asked.
pub async fn progress(
    client: &Client,
    stream: &str,
    publisher: &str,
) -> Result<Option<PublisherProgress>, ClientError> {
    match client.get(&Target::new(&["streams", stream, "publishers", publisher])).await {
        Ok(answer) => serde_json::from_value(answer).map(Some).map_err(|_| client.not_a_node()),
        Err(error) if error.code() == Some(Code::UnknownPublisher) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A new session: seconds since the epoch, and below them a tag that tells what it is a session of.
///
/// It is greater than that of the publisher's `earlier` process, which it takes the name over from, also within the same second and
/// where the clock has been set back.
pub fn new_session(tag: u32, earlier: Option<u64>) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seconds = earlier.map_or(now, |earlier| now.max((earlier >> 32) + 1).min(u64::from(u32::MAX)));
    seconds << 32 | u64::from(tag)
}

/// What a session is a session of.
pub fn tag(session: u64) -> u32 {
    session as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_carries_its_tag() {
        assert_eq!(tag(new_session(0xdead_beef, None)), 0xdead_beef);
        assert!(new_session(0, None) > u64::from(u32::MAX));
    }

    #[test]
    fn a_session_is_greater_than_the_one_before_in_the_same_second_and_after_the_clock_was_set_back() {
        let first = new_session(u32::MAX, None);
        let second = new_session(0, Some(first));
        let ahead = second + (3_600 << 32);
        assert!(second > first);
        assert!(new_session(7, Some(ahead)) > ahead);
        assert_eq!(tag(new_session(7, Some(ahead))), 7);
    }
}
