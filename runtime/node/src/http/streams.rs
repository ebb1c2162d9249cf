//! Streams: made, listed, shown.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use dag_api::{CreateParameters, DeleteParameters, Deleted};

use super::access::Access;
use super::content::Document;
use super::failure::Failed;
use crate::Node;

/// `POST /v1/streams`
pub(super) async fn create(
    State(node): State<Node>,
    Extension(access): Extension<Access>,
    parameters: Result<Query<CreateParameters>, QueryRejection>,
    Document(request): Document<dag_api::CreateStream>,
) -> Result<(StatusCode, Json<dag_api::Stream>), Failed> {
    let Query(CreateParameters { if_not_exists }) = parameters?;
    access.covers_name(&request.name)?;
    let (source, created) = node.streams.create(request, if_not_exists).await?;
    let stream = node.views.created_source(&source);
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(stream)))
}

/// `GET /v1/streams`
pub(super) async fn list(
    State(node): State<Node>,
    Extension(access): Extension<Access>,
) -> Result<Json<dag_api::Streams>, Failed> {
    let mut listed = node.views.streams().await?;
    listed.streams.retain(|stream| access.sees(&node, &stream.name));
    Ok(Json(listed))
}

/// `GET /v1/streams/{name}`
pub(super) async fn one(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    Ok(Json(node.views.stream(&name).await?))
}

/// `DELETE /v1/streams/{name}`
pub(super) async fn remove(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    parameters: Result<Query<DeleteParameters>, QueryRejection>,
) -> Result<Json<Deleted>, Failed> {
    let (Path(name), Query(parameters)) = (name?, parameters?);
    Ok(Json(node.deletions.delete_stream(&name, parameters).await?))
}

/// `PATCH /v1/streams/{name}`
pub(super) async fn alter(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    Document(request): Document<dag_api::AlterStream>,
) -> Result<Json<dag_api::Stream>, Failed> {
    let Path(name) = name?;
    Ok(Json(node.alterations.alter_stream(&name, &request).await?))
}
