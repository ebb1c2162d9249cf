//! Subscribing: the demand lasts as long as the answer's body.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, TRAILER};
use axum::response::{IntoResponse, Response};
use dag_api::Code;
use dag_api::SubscribeParameters;
use dag_codec::EncodeOptions;
use dag_model::Position;

use super::connection::Peer;
use super::failure::Failed;
use super::feed::{Feed, TRAILERS};
use super::guard::Asker;
use super::media::{Shape, header_text};
use super::writer::Writer;
use crate::Node;

const STREAM: HeaderName = HeaderName::from_static("dag-stream");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("dag-subscription");
const INCARNATION: HeaderName = HeaderName::from_static("dag-incarnation");
const BEFORE: HeaderName = HeaderName::from_static("dag-before");
const READER: HeaderName = HeaderName::from_static("dag-reader");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /v1/subscribe`
pub(super) async fn subscribe(
    State(node): State<Node>,
    peer: Option<Extension<Peer>>,
    Extension(asker): Extension<Asker>,
    parameters: Result<Query<SubscribeParameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let Query(mut parameters) = parameters?;
    if parameters.expr.is_empty() {
        return Err(Failed::new(Code::BadRequest, "parameters: missing field `expr`"));
    }
    asker.may_subscribe()?;
    if parameters.cursor.is_some() {
        asker.may_take_cursors()?;
    }
    let shape = Shape::wanted(parameters.format.as_deref(), &headers)?;
    if shape == Shape::Events
        && let Some(last) = LastEvent::of(&headers)?
    {
        last.go_on(&mut parameters);
    }
    let trailers = takes_trailers(&headers);

    let subscription = node.readers.subscribe(&parameters).await?;
    let mut told = HeaderMap::new();
    told.insert(CONTENT_TYPE, HeaderValue::from_static(shape.media_type()));
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told.insert(STREAM, header_text(subscription.stream()));
    told.insert(SUBSCRIPTION, header_text(&subscription.id()));
    if let Some(incarnation) = subscription.incarnation() {
        told.insert(INCARNATION, incarnation.into());
    }
    if let Some(before) = subscription.before() {
        told.insert(BEFORE, before.into());
    }
    let reader = subscription.reader();
    if let Some(reader) = reader {
        told.insert(READER, reader.into());
    }
    if trailers {
        told.insert(TRAILER, HeaderValue::from_static(TRAILERS));
    }
    let options = EncodeOptions { positions: parameters.positions };
    if let Some(Extension(peer)) = peer {
        peer.subscribes();
    }
    let writer = Writer::new(shape, subscription.schema(), options, reader);
    Ok((told, Body::new(Feed::new(subscription, writer, trailers).into_body())).into_response())
}

/// The last record that a browser saw which lost the connection: its position and, where it reads with a cursor, as which reader.
#[derive(Debug, PartialEq, Eq)]
struct LastEvent {
    position: Position,
    reader: Option<u64>,
}

impl LastEvent {
    fn of(headers: &HeaderMap) -> Result<Option<LastEvent>, Failed> {
        let Some(value) = headers.get(LAST_EVENT) else { return Ok(None) };
        let text = String::from_utf8_lossy(value.as_bytes());
        let bad = |why: String| Failed::new(Code::BadRequest, format!("Last-Event-ID: {why}"));
        let (position, reader) = match text.split_once('@') {
            Some((position, reader)) => (position, Some(reader.parse().map_err(|_| bad(format!("found `{text}`")))?)),
            None => (&*text, None),
        };
        Ok(Some(LastEvent { position: position.parse().map_err(bad)?, reader }))
    }

    /// The subscription begins after it. With a cursor, that acknowledges it.
    fn go_on(self, parameters: &mut SubscribeParameters) {
        let LastEvent { position, reader } = self;
        (parameters.from, parameters.since) = (None, None);
        match reader {
            Some(_) if parameters.cursor.is_some() => {
                (parameters.reader, parameters.after) = (reader, Some(position.to_string()));
            }
            _ => {
                let next = Position { sequence: position.sequence.saturating_add(1), ..position };
                parameters.from = Some(next.to_string());
            }
        }
    }
}

/// Whether the client wants to know the end (RFC 9110, 10.1.4).
fn takes_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_goes_on_after_the_last_record_it_saw() {
        let last = |id: &str| LastEvent::of(&HeaderMap::from_iter([(LAST_EVENT, id.parse().unwrap())]));
        let begun = || SubscribeParameters { since: Some("5m".to_owned()), ..SubscribeParameters::default() };
        assert_eq!(LastEvent::of(&HeaderMap::new()), Ok(None));
        let mut parameters = begun();
        last("3:1201").unwrap().unwrap().go_on(&mut parameters);
        assert_eq!((parameters.from.as_deref(), parameters.since), (Some("3:1202"), None));
        assert_eq!(last("x").unwrap_err().message, "Last-Event-ID: `x` is not a position; one looks like 3:1201");

        let mut parameters = SubscribeParameters { cursor: Some("c".to_owned()), ..begun() };
        last("3:1201@17").unwrap().unwrap().go_on(&mut parameters);
        assert_eq!((parameters.reader, parameters.after.as_deref()), (Some(17), Some("3:1201")));
        assert_eq!((parameters.from, parameters.since), (None, None));
        assert_eq!(last("3:1201@x").unwrap_err().message, "Last-Event-ID: found `3:1201@x`");
    }

    #[test]
    fn trailers_are_sent_to_those_who_take_them() {
        let takes = |value: &str| takes_trailers(&HeaderMap::from_iter([(TE, value.parse().unwrap())]));
        assert!(takes("trailers"));
        assert!(takes("deflate;q=0.5, Trailers"));
        assert!(!takes("gzip"));
        assert!(!takes_trailers(&HeaderMap::new()));
    }
}
