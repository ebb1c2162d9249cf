//! Streams: made, listed, shown.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::content::Document;
use super::failure::Failed;
use crate::Node;
use crate::error::{Code, NodeError};

/// `POST /v1/streams`
pub(super) async fn create(
    State(node): State<Node>,
    Document(request): Document<dag_api::CreateStream>,
) -> Result<(StatusCode, Json<dag_api::Stream>), Failed> {
    let made = tokio::task::spawn_blocking(move || node.create_stream(request)).await;
    let (stream, created) = made.map_err(|error| NodeError::new(Code::Internal, error.to_string()))??;
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(stream)))
}

/// `GET /v1/streams`
pub(super) async fn list(State(node): State<Node>) -> Json<dag_api::Streams> {
    Json(node.streams())
}

/// `GET /v1/streams/{name}`
pub(super) async fn one(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    let found = tokio::task::spawn_blocking(move || node.stream(&name)).await;
    Ok(Json(found.map_err(|error| NodeError::new(Code::Internal, error.to_string()))??))
}

/// `PATCH /v1/streams/{name}`
pub(super) async fn alter(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    Document(request): Document<dag_api::AlterStream>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    let altered = tokio::task::spawn_blocking(move || node.alter_stream(&name, &request)).await;
    Ok(Json(altered.map_err(|error| NodeError::new(Code::Internal, error.to_string()))??))
}
