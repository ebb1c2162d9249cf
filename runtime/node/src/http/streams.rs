//! Streams: made, listed, shown.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::content::Document;
use super::failure::Failed;
use crate::Node;

/// `POST /v1/streams`
pub(super) async fn create(
    State(node): State<Node>,
    Document(request): Document<dag_api::CreateStream>,
) -> Result<(StatusCode, Json<dag_api::Stream>), Failed> {
    let (source, created) = node.inner.streams.create(request).await?;
    let stream = node.created_source(&source);
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(stream)))
}

/// `GET /v1/streams`
pub(super) async fn list(State(node): State<Node>) -> Result<Json<dag_api::Streams>, Failed> {
    Ok(Json(node.streams().await?))
}

/// `GET /v1/streams/{name}`
pub(super) async fn one(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    Ok(Json(node.stream(&name).await?))
}

/// `PATCH /v1/streams/{name}`
pub(super) async fn alter(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    Document(request): Document<dag_api::AlterStream>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    Ok(Json(node.alter_stream(&name, &request).await?))
}
