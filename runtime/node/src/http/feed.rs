//! A subscription as a response's body.
//!
//! The connection asks for a frame when it can write one, and only then is the subscription asked for records: a slow reader
//! holds back its own subscription and no memory. When the connection goes, it drops the body, and with it the demand.

use std::time::Duration;

use arrow_array::RecordBatch;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use dag_model::Position;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Body, Frame};

use super::failure::Failed;
use super::media::header_text;
use super::writer::Writer;
use crate::computations::news::Notices;
use crate::{End, Next, Subscription};

/// The trailers, as the `Trailer` header announces them.
pub(super) const TRAILERS: &str = "dag-end, dag-message";

const END: HeaderName = HeaderName::from_static("dag-end");
const MESSAGE: HeaderName = HeaderName::from_static("dag-message");

/// The bytes that a chunk is meant to have. A record is never cut.
const CHUNK_BYTES: usize = 256 << 10;

/// The most records of a chunk.
const CHUNK_ROWS: usize = 8192;

/// The most bytes of a message in a trailer: clients limit these.
const MESSAGE_BYTES: usize = 4 << 10;

/// How long a reader hears nothing before it is shown that the connection lives.
const SILENCE: Duration = Duration::from_secs(15);

/// Ends a body without its last chunk, so that nobody takes it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the subscription ended before its stream did")]
pub(super) struct Unfinished;

/// Turns the records of a subscription into the frames of a body.
pub(super) struct Feed {
    subscription: Subscription,
    writer: Writer,
    /// What goes between the records, where the writer has a place for it.
    notices: Option<Notices>,
    /// Whether the reader takes the end as trailers.
    trailers: bool,
    unsent: Option<Unsent>,
    /// How many records come to about [`CHUNK_BYTES`], by the last chunk.
    chunk_rows: usize,
    stage: Stage,
}

/// A batch of which some records are sent.
struct Unsent {
    batch: RecordBatch,
    positions: Vec<Position>,
    sent: usize,
}

/// What comes next in the body.
enum Stage {
    Begin,
    Records,
    Trailers(HeaderMap),
    Abort,
    Over,
}

impl Feed {
    /// The feed of a subscription that nothing has been read from.
    pub fn new(subscription: Subscription, writer: Writer, trailers: bool) -> Feed {
        let notices = writer.has_asides().then(|| subscription.notices());
        Feed { subscription, writer, notices, trailers, unsent: None, chunk_rows: CHUNK_ROWS, stage: Stage::Begin }
    }

    /// The body.
    pub fn into_body(self) -> impl Body<Data = Bytes, Error = Unfinished> + Send + 'static {
        StreamBody::new(stream::unfold(self, |mut feed| async {
            let frame = feed.frame().await?;
            Some((frame, feed))
        }))
    }

    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Unfinished>> {
        loop {
            let mut out = Vec::new();
            self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Begin => {
                    self.writer.begin(&mut out);
                    Stage::Records
                }
                Stage::Records => self.records(&mut out).await,
                Stage::Trailers(trailers) => return Some(Ok(Frame::trailers(trailers))),
                Stage::Abort => {
                    // A connection that is told to break off drops what it has not written: let it write first.
                    tokio::task::yield_now().await;
                    return Some(Err(Unfinished));
                }
                Stage::Over => return None,
            };
            if !out.is_empty() {
                return Some(Ok(Frame::data(out.into())));
            }
        }
    }

    /// Writes the next records, or what comes after all of them.
    async fn records(&mut self, out: &mut Vec<u8>) -> Stage {
        if let Some(unsent) = self.unsent.take() {
            self.unsent = self.chunk(unsent, out);
            return Stage::Records;
        }
        let silence = if self.writer.has_asides() { SILENCE } else { Duration::MAX };
        let next = tokio::select! {
            biased;
            Some(notice) = async { self.notices.as_mut()?.next().await } => {
                self.writer.notice(&notice, out);
                return Stage::Records;
            }
            next = tokio::time::timeout(silence, self.subscription.next()) => next,
        };
        match next {
            Ok(Ok(Next::Records { batch, positions })) => {
                self.unsent = Some(Unsent { batch, positions, sent: 0 });
                Stage::Records
            }
            Ok(Ok(Next::End(end))) => self.end(end, out),
            Ok(Err(error)) => self.failed(&error.into(), out),
            Err(_) => {
                self.writer.comment(out);
                Stage::Records
            }
        }
    }

    /// Writes as many records as make a chunk, and gives back the others.
    fn chunk(&mut self, mut unsent: Unsent, out: &mut Vec<u8>) -> Option<Unsent> {
        let rows = self.chunk_rows.min(unsent.batch.num_rows() - unsent.sent);
        if rows == 0 {
            return None;
        }
        let sent = unsent.sent + rows;
        self.writer.records(&unsent.batch.slice(unsent.sent, rows), &unsent.positions[unsent.sent..sent], out);
        self.chunk_rows = (rows * CHUNK_BYTES / out.len()).clamp(1, CHUNK_ROWS);
        unsent.sent = sent;
        (sent < unsent.batch.num_rows()).then_some(unsent)
    }

    fn end(&mut self, end: End, out: &mut Vec<u8>) -> Stage {
        let (name, whole) = match end {
            End::Sealed => ("sealed", true),
            End::Until => ("until", true),
            End::Limit => ("limit", true),
            End::Stopping => ("stopping", false),
        };
        if whole {
            self.writer.finish(name, out);
        }
        match self.trailers {
            true => Stage::Trailers(HeaderMap::from_iter([(END, HeaderValue::from_static(name))])),
            false if whole => Stage::Over,
            false => Stage::Abort,
        }
    }

    fn failed(&mut self, error: &Failed, out: &mut Vec<u8>) -> Stage {
        if self.trailers {
            let message = &error.message[..error.message.floor_char_boundary(MESSAGE_BYTES)];
            let trailers = [(END, HeaderValue::from_static("failed")), (MESSAGE, header_text(message))];
            return Stage::Trailers(HeaderMap::from_iter(trailers));
        }
        self.writer.failure(error, out);
        Stage::Abort
    }
}
