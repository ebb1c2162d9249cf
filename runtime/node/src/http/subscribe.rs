//! Subscribing: the demand lasts as long as the answer's body.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, TRAILER};
use axum::response::{IntoResponse, Response};
use dag_codec::EncodeOptions;
use dag_model::Position;

use super::failure::Failed;
use super::feed::{Feed, TRAILERS};
use super::media::{Shape, header_text};
use super::writer::Writer;
use crate::Node;
use crate::api::SubscribeParameters;
use crate::error::{Code, NodeError};

const STREAM: HeaderName = HeaderName::from_static("dag-stream");
const INCARNATION: HeaderName = HeaderName::from_static("dag-incarnation");
const BEFORE: HeaderName = HeaderName::from_static("dag-before");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /v1/subscribe`
pub(super) async fn subscribe(
    State(node): State<Node>,
    parameters: Result<Query<SubscribeParameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let Query(mut parameters) = parameters?;
    if parameters.expr.is_empty() {
        return Err(NodeError::new(Code::BadRequest, "parameters: missing field `expr`").into());
    }
    let shape = Shape::wanted(parameters.format.as_deref(), &headers)?;
    if shape == Shape::Events
        && let Some(next) = after_last_event(&headers)?
    {
        (parameters.from, parameters.since) = (Some(next.to_string()), None);
    }
    let trailers = takes_trailers(&headers);

    let subscription = node.subscribe(&parameters).await?;
    let mut told = HeaderMap::new();
    told.insert(CONTENT_TYPE, HeaderValue::from_static(shape.media_type()));
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told.insert(STREAM, header_text(subscription.stream()));
    if let Some(incarnation) = subscription.incarnation() {
        told.insert(INCARNATION, incarnation.into());
    }
    if let Some(before) = subscription.before() {
        told.insert(BEFORE, before.into());
    }
    if trailers {
        told.insert(TRAILER, HeaderValue::from_static(TRAILERS));
    }
    let options = EncodeOptions { positions: parameters.positions };
    let writer = Writer::new(shape, subscription.schema(), options);
    Ok((told, Body::new(Feed::new(subscription, writer, trailers).into_body())).into_response())
}

/// Where a browser goes on that lost the connection: after the last record that it saw.
fn after_last_event(headers: &HeaderMap) -> Result<Option<Position>, NodeError> {
    let Some(value) = headers.get(LAST_EVENT) else { return Ok(None) };
    let last: Position = String::from_utf8_lossy(value.as_bytes())
        .parse()
        .map_err(|why| NodeError::new(Code::BadRequest, format!("Last-Event-ID: {why}")))?;
    Ok(Some(Position { sequence: last.sequence.saturating_add(1), ..last }))
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
        let after = |id: &str| after_last_event(&HeaderMap::from_iter([(LAST_EVENT, id.parse().unwrap())]));
        assert_eq!(after_last_event(&HeaderMap::new()), Ok(None));
        assert_eq!(after("3:1201"), Ok(Some(Position { run: 3, sequence: 1202 })));
        assert_eq!(after("x").unwrap_err().message, "Last-Event-ID: `x` is not a position; one looks like 3:1201");
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
