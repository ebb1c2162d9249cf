//! Publishing to sources.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use dag_api::{PublishParameters, Published, PublisherProgress, TookOver};
use dag_codec::{BodyError, Decoded, Decoder, Format, MAX_LISTED, Refusal};
use dag_log::{AppendError, CommitError, Publish, PublisherId, Receipt, Refused, TakenOver, readings};
use dag_model::text::check_name;
use dag_model::{Position, Timestamp};

use crate::blocking::{Broken, blocking};
use crate::budget::{NoMemory, Share};
use crate::clock::Clocks;
use crate::deadlines::Deadlines;
use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::heartbeat::after;
use crate::streams::source::{Origin, SourceStream};

/// The most requests that are being published at once; others are told to come back.
pub(super) const PUBLISHING: usize = 256;

/// The most of them to one stream, so that one whose disk hangs leaves places to others.
pub(super) const PUBLISHING_EACH: usize = 128;

/// The most bytes of a publisher's name.
const MAX_PUBLISHER: usize = 256;

/// The greatest number of a body's first line.
const MAX_LINES: u64 = 1 << 53;

/// Why records are not taken, or may be lost.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream cannot be had.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Only the node writes the stream.
    #[error("`{name}` takes no records: the node writes it, with what `{of}` skips")]
    ReadOnly {
        /// The stream.
        name: String,
        /// The derived stream that skips what is in it.
        of: String,
    },
    /// Too many publish to the stream now.
    #[error("{PUBLISHING_EACH} requests are being published to `{0}`: try again in a moment")]
    BusyStream(String),
    /// Too many publish now.
    #[error("{PUBLISHING} requests are being published: try again in a moment")]
    Busy,
    /// The parameters make no sense.
    #[error("{0}")]
    Parameters(String),
    /// What the body comes to is too much for the memory of requests.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    /// The body is not in its format.
    #[error(transparent)]
    Body(BodyError),
    /// The log does not take them.
    #[error("stream `{stream}`: {source}")]
    Refused {
        /// The stream.
        stream: String,
        /// Why.
        source: dag_log::PublishError,
    },
    /// They were taken, and may be lost.
    #[error("the records may not be durable: {0}")]
    NotDurable(#[source] CommitError),
    /// The publisher has not been there.
    #[error("`{publisher}` has not published to `{stream}`")]
    UnknownPublisher {
        /// The publisher.
        publisher: String,
        /// The stream.
        stream: String,
    },
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl PublishError {
    /// Whether there is no room for the records.
    pub fn is_full(&self) -> bool {
        use AppendError::{Full, Reserved};
        matches!(self, PublishError::Refused { source: dag_log::PublishError::Append(Full(_) | Reserved(_)), .. })
    }
}

impl Streams {
    /// Publishes a body, or what the parameters say without one. Returns when it is as durable as the stream asks. What the body comes
    /// to is taken out of `share`.
    pub async fn publish(
        &self,
        name: &str,
        content: Option<(Format, Bytes)>,
        parameters: PublishParameters,
        share: Share,
    ) -> Result<Published, PublishError> {
        let source = self.get(name)?;
        if let Origin::Errors(of) = &source.origin {
            return Err(PublishError::ReadOnly { name: name.to_owned(), of: of.clone() });
        }
        let name = name.to_owned();
        let of_stream = source.publishing.clone().try_acquire_owned();
        let _of_stream = of_stream.map_err(|_| PublishError::BusyStream(name.clone()))?;
        let _place = self.publishing.try_acquire().map_err(|_| PublishError::Busy)?;
        let done = self.publish_to(source.clone(), name.clone(), content, parameters, share).await;
        match done {
            // It was deleted meanwhile.
            Err(PublishError::Refused { .. } | PublishError::NotDurable(_)) if !self.is_there(&source) => {
                Err(self.unknown(&name).into())
            }
            done => done,
        }
    }

    async fn publish_to(
        &self,
        source: Arc<SourceStream>,
        name: String,
        content: Option<(Format, Bytes)>,
        parameters: PublishParameters,
        share: Share,
    ) -> Result<Published, PublishError> {
        let (clock, deadlines) = (self.clock, self.deadlines.clone());
        let request = Arc::new(Request { source, name, content, parameters, clock, deadlines, share });
        let begun = Instant::now();
        let mut done = request.clone().publish().await;
        if done.as_ref().is_err_and(PublishError::is_full) && self.room.is_made(begun).await {
            done = request.clone().publish().await;
        }
        let (mut published, receipt) = done?;
        let source = request.source.clone();
        // Who waits for a sync needs its body no more.
        drop(request);
        receipt.commit.kept().await.map_err(PublishError::NotDurable)?;
        published.frontier = source.source.log().visible().frontier.shown();
        Ok(published)
    }

    /// Where a publisher is.
    pub fn publisher(&self, stream: &str, publisher: &str) -> Result<PublisherProgress, PublishError> {
        let source = self.get(stream)?;
        let (session, batch) = source.source.publisher(publisher).ok_or_else(|| {
            let (publisher, stream) = (publisher.to_owned(), stream.to_owned());
            PublishError::UnknownPublisher { publisher, stream }
        })?;
        let joined = source.source.stats().joined.iter().any(|joined| joined.name == publisher);
        Ok(PublisherProgress { name: publisher.to_owned(), session, batch, joined })
    }
}

/// What somebody publishes to a stream.
struct Request {
    source: Arc<SourceStream>,
    name: String,
    content: Option<(Format, Bytes)>,
    parameters: PublishParameters,
    clock: Clocks,
    deadlines: Arc<Deadlines<String>>,
    share: Share,
}

impl Request {
    /// Publishes it, on a thread that may wait.
    async fn publish(self: Arc<Self>) -> Result<(Published, Receipt), PublishError> {
        blocking(move || {
            let content = self.content.clone();
            let done = publish(&self.source, &self.name, content, &self.parameters, &self.clock, &self.share);
            if let Ok((_, Receipt { deadline: Some(deadline), .. })) = &done {
                // Also where whoever published is gone, and with it this request.
                self.deadlines.look_by(&self.name, after(self.clock, *deadline));
            }
            done
        })
        .await
    }
}

fn publish(
    source: &SourceStream,
    name: &str,
    content: Option<(Format, Bytes)>,
    parameters: &PublishParameters,
    clock: &Clocks,
    share: &Share,
) -> Result<(Published, Receipt), PublishError> {
    let publisher = publisher(parameters, content.is_some())?;
    let heartbeat = parameters.heartbeat.as_deref().map(heartbeat).transpose()?;
    let line = first_line(parameters)?;
    let decode = |(format, bytes): (Format, Bytes)| decode(source, format, &bytes, line, parameters, share);
    let (mut published, mut batch, mut rows) = (Published::default(), None, Vec::new());
    if let Some(decoded) = content.map(decode).transpose()? {
        published.refused = decoded.refused_count();
        published.refusals = decoded.refused;
        (batch, rows) = (Some(decoded.batch), decoded.rows);
    }
    let request = Publish {
        publisher,
        batch,
        heartbeat,
        done: parameters.done,
        seal: parameters.seal,
        leave: parameters.leave,
        history: parameters.history,
        ..Publish::default()
    };
    let refused = |source| PublishError::Refused { stream: name.to_owned(), source };
    let receipt = source.source.publish(request, clock).map_err(refused)?;
    if receipt.repeat {
        (published.refused, published.refusals) = (0, Vec::new());
    }
    list_refused(&mut published, &receipt, &rows, source);
    source.count_refused(published.refused);
    let position = |sequence| Position { run: receipt.epoch, sequence }.to_string();
    published.accepted = (receipt.accepted - receipt.late) as u64;
    published.late = receipt.late as u64;
    published.repeat = receipt.repeat;
    published.took_over = receipt.took_over.map(|taken| took_over(taken, name, parameters));
    published.first = (receipt.accepted > 0).then(|| position(receipt.first));
    published.end = position(receipt.end);
    Ok((published, receipt))
}

/// Who publishes; none without a name.
fn publisher(parameters: &PublishParameters, has_records: bool) -> Result<Option<PublisherId>, PublishError> {
    let bad = |why: &str| Err(PublishError::Parameters(why.to_owned()));
    let (name, batch) = match (&parameters.publisher, parameters.session, parameters.batch) {
        (Some(_), _, None) if has_records => return bad("a named publisher numbers its batches: `batch` is missing"),
        (Some(name), _, batch) => (name, batch.unwrap_or(0)),
        (None, None, None) => return Ok(None),
        (None, ..) => return bad("`session` and `batch` go with `publisher`"),
    };
    match check_name(name, MAX_PUBLISHER) {
        Err(why) => bad(&format!("a publisher's name {why}")),
        Ok(()) => Ok(Some(PublisherId { name: name.clone(), session: parameters.session.unwrap_or(0), batch })),
    }
}

fn heartbeat(text: &str) -> Result<Timestamp, PublishError> {
    let bad = |_| PublishError::Parameters(format!("heartbeat: `{text}` is not a time in RFC 3339"));
    dag_frame::time::parse(text).map(Timestamp).map_err(bad)
}

/// The number of the body's first line in what it is a part of.
fn first_line(parameters: &PublishParameters) -> Result<u64, PublishError> {
    match parameters.line.unwrap_or(1) {
        line if line > MAX_LINES => Err(PublishError::Parameters(format!(
            "line: {line} is beyond the lines of any file; the limit is {MAX_LINES}"
        ))),
        line => Ok(line),
    }
}

fn decode(
    source: &SourceStream,
    format: Format,
    bytes: &Bytes,
    line: u64,
    parameters: &PublishParameters,
    share: &Share,
) -> Result<Decoded, PublishError> {
    let time = source.time_column(parameters.time.clone());
    let decoder = Decoder::new(&source.schema, &time).within(share);
    decoder.decode(format, bytes, line).map_err(|error| match error {
        BodyError::NoRoom => share.refusal().into(),
        error => PublishError::Body(error),
    })
}

/// Lists the records that are too far past the clock among those lines that are no record, in the order of the lines.
fn list_refused(published: &mut Published, receipt: &Receipt, rows: &[u64], source: &SourceStream) {
    published.refused += receipt.refused.len() as u64;
    let unit = source.time_column(None).unit.nanoseconds();
    let refusal = |ahead: &Refused| Refusal {
        line: rows[ahead.row],
        column: None,
        reason: format!(
            "{} is in the future (as an integer, {}); --history lifts this check",
            ahead.time,
            readings(ahead.time.0 / unit)
        ),
    };
    let room = MAX_LISTED.saturating_sub(published.refusals.len());
    published.refusals.extend(receipt.refused.iter().take(room).map(refusal));
    published.refusals.sort_by_key(|refusal| refusal.line);
}

/// From whom a publisher took its name over. Somebody who may still be there is worth a line in the node's log.
fn took_over(taken: TakenOver, stream: &str, parameters: &PublishParameters) -> TookOver {
    let TakenOver { session, batch, joined, heard } = taken;
    if joined {
        let (publisher, by) = (parameters.publisher.as_deref(), parameters.session);
        tracing::info!(stream, publisher, by, session, "a publisher's name was taken over");
    }
    TookOver { session, batch, joined, heard: heard.to_string() }
}

#[cfg(test)]
mod tests;
