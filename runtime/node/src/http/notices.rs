//! What a subscription is told besides records, for those whose format has no place for it.

use std::convert::Infallible;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use dag_codec::Format;
use futures_util::stream;

use super::connection::Peer;
use super::failure::Failed;
use crate::Node;

/// `GET /v1/subscriptions/{id}/notices`
pub(super) async fn notices(
    State(node): State<Node>,
    peer: Option<Extension<Peer>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failed> {
    let Path(id) = id?;
    let lines = stream::unfold(node.readers.notices(&id)?, |mut notices| async {
        let notice = notices.next().await?;
        let line = serde_json::to_string(&*notice).expect("text is JSON") + "\n";
        Some((Ok::<_, Infallible>(line), notices))
    });
    if let Some(Extension(peer)) = peer {
        peer.subscribes();
    }
    let told = [(CONTENT_TYPE, Format::Json.media_type()), (CACHE_CONTROL, "no-store")];
    Ok((told, Body::from_stream(lines)).into_response())
}
