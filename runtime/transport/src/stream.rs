//! Frames on the streams of a connection. Whatever is begun here and dropped can be gone on with.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream, WriteError};
use tokio::time::timeout;

use crate::frame::{Allowed, Decoder, Frame, FrameError, Kind};
use crate::limits::FRAME_PAUSE;

/// How much is read at once.
const READ: usize = 256 << 10;

/// Why a stream is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// What came is no frame, or none that may come here.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// It ended within a frame, or where something was still to come.
    #[error("the stream ended before its end was said")]
    Ended,
    /// The other end has dropped it.
    #[error("the other end has dropped the stream")]
    Dropped,
    /// Nothing came for too long.
    #[error("nothing came for {0:?} within a frame")]
    Paused(Duration),
    /// More came than was allowed.
    #[error("{came} bytes came where {credit} might")]
    Credit {
        /// The bytes that came.
        came: u64,
        /// The bytes that might come.
        credit: u64,
    },
    /// The connection is gone, for this reason.
    #[error("{0}")]
    Lost(String),
}

impl From<ReadError> for Broken {
    fn from(error: ReadError) -> Broken {
        match error {
            ReadError::ConnectionLost(why) => Broken::Lost(why.to_string()),
            _ => Broken::Dropped,
        }
    }
}

impl From<WriteError> for Broken {
    fn from(error: WriteError) -> Broken {
        match error {
            WriteError::ConnectionLost(why) => Broken::Lost(why.to_string()),
            _ => Broken::Dropped,
        }
    }
}

/// The frames that come on a stream.
pub(crate) struct Incoming {
    stream: RecvStream,
    decoder: Decoder,
    /// What has been read and belongs to the next frames.
    rest: Bytes,
    /// What has been read in all.
    pub(crate) read: u64,
}

impl Incoming {
    /// Of a stream whose first frame is one of these.
    pub(crate) fn new(stream: RecvStream, allowed: Allowed) -> Incoming {
        Incoming { stream, decoder: Decoder::new(allowed), rest: Bytes::new(), read: 0 }
    }

    /// From here on other frames may come.
    pub(crate) fn allow(&mut self, allowed: Allowed) {
        self.decoder.allow(allowed);
    }

    /// The next frame that has been read already, if it is whole.
    pub(crate) fn buffered(&mut self) -> Result<Option<Frame>, Broken> {
        Ok(self.decoder.take(&mut self.rest)?)
    }

    /// Reads more, behind what was buffered: `false` is the stream's end, between two frames. Within a frame, or if `now`, it must not take
    /// long.
    pub(crate) async fn read(&mut self, now: bool) -> Result<bool, Broken> {
        let chunk = self.stream.read_chunk(READ, true);
        let chunk = if now || !self.decoder.is_between() {
            timeout(FRAME_PAUSE, chunk).await.map_err(|_| Broken::Paused(FRAME_PAUSE))?
        } else {
            chunk.await
        };
        match chunk? {
            Some(chunk) => {
                self.read += chunk.bytes.len() as u64;
                self.rest = chunk.bytes;
                Ok(true)
            }
            None if self.decoder.is_between() => Ok(false),
            None => Err(Broken::Ended),
        }
    }

    /// The next frame, or `None` at the stream's end.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, Broken> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(Some(frame));
            }
            if !self.read(false).await? {
                return Ok(None);
            }
        }
    }

    /// The frame that has to come, without a pause.
    pub(crate) async fn expect(&mut self) -> Result<Frame, Broken> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            if !self.read(true).await? {
                return Err(Broken::Ended);
            }
        }
    }
}

/// The frames that go out on a stream.
pub(crate) struct Outgoing {
    stream: SendStream,
    /// What is still to be written.
    pending: VecDeque<Bytes>,
}

impl Outgoing {
    /// On a stream.
    pub(crate) fn new(stream: SendStream) -> Outgoing {
        Outgoing { stream, pending: VecDeque::new() }
    }

    /// Before others of the connection, or behind them.
    pub(crate) fn set_priority(&self, priority: i32) {
        // It fails on a stream that is closed, which whoever writes next is told.
        let _ = self.stream.set_priority(priority);
    }

    /// Puts a frame behind what is to be written.
    pub(crate) fn push(&mut self, kind: Kind, payload: Bytes) {
        let frame = Frame { kind, payload };
        self.pending.push_back(Bytes::copy_from_slice(&frame.head()));
        if !frame.payload.is_empty() {
            self.pending.push_back(frame.payload);
        }
    }

    /// Whether all is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.pending.is_empty()
    }

    /// What is to be written is not.
    pub(crate) fn abandon(&mut self) {
        self.pending.clear();
    }

    /// Writes what is to be written.
    pub(crate) async fn flush(&mut self) -> Result<(), Broken> {
        while !self.is_flushed() {
            self.write(usize::MAX).await?;
        }
        Ok(())
    }

    /// Writes some of it, at most so many bytes; returns how many.
    pub(crate) async fn write(&mut self, most: usize) -> Result<usize, Broken> {
        let Some(first) = self.pending.front_mut() else { return Ok(0) };
        let written = self.stream.write_chunks(&mut [first.slice(..first.len().min(most))]).await?.bytes;
        let _ = first.split_to(written);
        if first.is_empty() {
            self.pending.pop_front();
        }
        Ok(written)
    }

    /// Writes a frame.
    pub(crate) async fn send(&mut self, kind: Kind, payload: Bytes) -> Result<(), Broken> {
        self.push(kind, payload);
        self.flush().await
    }

    /// Nothing follows.
    pub(crate) fn finish(&mut self) {
        // It fails on a stream that is closed: then nothing follows either.
        let _ = self.stream.finish();
    }
}
