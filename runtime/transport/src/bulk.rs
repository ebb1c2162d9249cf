//! Parts in one direction, and credit for them in the other.
//!
//! ```text
//!    Parts                                              PartsOf
//!      | ---- part, part, ... as far as credit goes ---> |  unread: at most the window
//!      | <--- credit: so many bytes were read ---------- |
//!      | ---- end, or refused -------------------------> |
//! ```
//!
//! Credit counts all bytes of parts, those of their heads included. A part may be larger than the window: it goes in pieces. Who does not read
//! gives no credit, and holds back nobody else, since its window is its own.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;

use crate::frame::{Allowed, Kind};
use crate::limits::{MAX_PART, MAX_REQUEST, WINDOW};
use crate::refusal::{MAX_TEXT, Refusal};
use crate::stream::{Broken, Incoming, Outgoing};

/// What may come with parts.
pub(crate) const PARTS: Allowed = &[(Kind::Part, MAX_PART), (Kind::End, 0), (Kind::Refused, 2 + MAX_TEXT)];

/// What may come against the direction of a download's parts.
pub(crate) const DOWNLOAD_BACK: Allowed = &[(Kind::Credit, 4)];

/// What may come against the direction of an upload's parts.
pub(crate) const UPLOAD_BACK: Allowed =
    &[(Kind::Credit, 4), (Kind::Answer, MAX_REQUEST), (Kind::Refused, 2 + MAX_TEXT)];

/// What needs no credit: the end, or a refusal, each once.
const FREE: u64 = 2 * crate::frame::HEAD as u64 + 2 + MAX_TEXT as u64;

/// Why parts do not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    /// The other end says why.
    #[error("{0}")]
    Refused(Refusal),
    /// The stream is of no more use.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// The other end has answered, and wants no more parts.
    #[error("the other end has answered before the last part")]
    Answered,
    /// Too large.
    #[error("a part of {0} bytes: at most {MAX_PART} are taken")]
    TooLong(usize),
}

/// The answer that came in place of credit.
pub(crate) type Early = Result<Bytes, Refusal>;

/// Where parts go. What is dropped without an end is broken off for who reads it.
pub struct Sender {
    out: Outgoing,
    back: Incoming,
    credit: u64,
    answer: Option<Early>,
}

impl Sender {
    pub(crate) fn new(out: Outgoing, back: Incoming, credit: u64) -> Sender {
        Sender { out, back, credit, answer: None }
    }

    /// Sends a part, once there is credit for it. Where it is dropped before it has returned, the part goes out with the next one.
    pub async fn send(&mut self, part: Bytes) -> Result<(), BulkError> {
        if part.len() > MAX_PART {
            return Err(BulkError::TooLong(part.len()));
        }
        self.flush().await?;
        self.out.push(Kind::Part, part);
        self.flush().await
    }

    /// Writes what is to be written, as far as credit goes, and waits for more.
    async fn flush(&mut self) -> Result<(), BulkError> {
        while !self.out.is_flushed() {
            while self.credit == 0 {
                self.hear().await?;
            }
            let most = usize::try_from(self.credit).unwrap_or(usize::MAX);
            match self.out.write(most).await {
                Ok(written) => self.credit -= written as u64,
                // Whoever wants no more parts may have said why.
                Err(Broken::Dropped) => self.hear().await?,
                Err(broken) => return Err(broken.into()),
            }
        }
        Ok(())
    }

    /// Takes what comes back: credit, or the answer, after which there is no sense in more parts.
    async fn hear(&mut self) -> Result<(), BulkError> {
        if let Some(answer) = &self.answer {
            return Err(match answer {
                Err(refusal) => BulkError::Refused(refusal.clone()),
                Ok(_) => BulkError::Answered,
            });
        }
        let frame = self.back.next().await?.ok_or(Broken::Ended)?;
        match frame.kind {
            Kind::Answer => self.answer = Some(Ok(frame.payload)),
            Kind::Refused => self.answer = Some(Err(Refusal::decode(&frame.payload).ok_or(Broken::Ended)?)),
            _ => {
                let more = frame.payload.first_chunk().copied().map(u32::from_le_bytes).ok_or(Broken::Ended)?;
                self.credit += u64::from(more);
                let most = u64::from(WINDOW.1);
                if self.credit > most {
                    return Err(Broken::Credit { came: self.credit, credit: most }.into());
                }
            }
        }
        Ok(())
    }

    /// Says that nothing follows, or why.
    pub(crate) async fn end(&mut self, how: Result<(), Refusal>) -> Result<(), BulkError> {
        self.flush().await?;
        match how {
            Ok(()) => self.out.push(Kind::End, Bytes::new()),
            Err(refusal) => self.out.push(Kind::Refused, refusal.encode()),
        }
        self.out.flush().await?;
        self.out.finish();
        Ok(())
    }

    /// The answer, behind the end.
    pub(crate) async fn answer(&mut self) -> Result<Bytes, BulkError> {
        loop {
            match self.answer.take() {
                Some(answer) => return answer.map_err(BulkError::Refused),
                None => self.hear().await?,
            }
        }
    }
}

/// Where parts come from.
pub struct Receiver {
    parts: Incoming,
    back: Outgoing,
    window: u32,
    /// What might have come in all.
    granted: u64,
    ended: bool,
    /// The window's share of what may be unread on the connection.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Receiver {
    /// Of a stream whose other end knows of the window.
    pub(crate) fn new(parts: Incoming, back: Outgoing, window: u32, permit: Option<OwnedSemaphorePermit>) -> Receiver {
        let granted = parts.read + u64::from(window);
        Receiver { parts, back, window, granted, ended: false, _permit: permit }
    }

    /// The next part, or `None` behind the last one. What is read of it gives credit for more.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BulkError> {
        while !self.ended {
            match self.back.flush().await {
                // Who has sent all needs no credit.
                Err(Broken::Dropped) => self.back.abandon(),
                flushed => flushed?,
            }
            if let Some(frame) = self.parts.buffered()? {
                match frame.kind {
                    Kind::Part => return Ok(Some(frame.payload)),
                    Kind::End => self.ended = true,
                    _ => {
                        let refusal = Refusal::decode(&frame.payload).ok_or(Broken::Ended)?;
                        return Err(BulkError::Refused(refusal));
                    }
                }
            } else if self.parts.read(false).await? {
                self.account()?;
            } else {
                return Err(Broken::Ended.into());
            }
        }
        Ok(None)
    }

    /// Checks what has come against what might, and gives credit where half of the window is used.
    fn account(&mut self) -> Result<(), BulkError> {
        let came = self.parts.read;
        if came > self.granted + FREE {
            return Err(Broken::Credit { came, credit: self.granted }.into());
        }
        let left = self.granted.saturating_sub(came);
        if left <= u64::from(self.window / 2) {
            let more = u64::from(self.window) - left;
            self.granted += more;
            self.back.push(Kind::Credit, credit(u32::try_from(more).expect("it is no more than the window")));
        }
        Ok(())
    }

    /// Where its answer goes.
    pub(crate) fn into_back(self) -> Outgoing {
        self.back
    }
}

/// An announcement of credit.
pub(crate) fn credit(more: u32) -> Bytes {
    let mut payload = BytesMut::with_capacity(4);
    payload.put_u32_le(more);
    payload.freeze()
}
