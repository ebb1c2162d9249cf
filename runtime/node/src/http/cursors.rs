//! Named cursors: shown, moved by their readers, reset, deleted.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};

use super::access::Access;
use super::content::Document;
use super::failure::Failed;
use crate::Node;

/// A cursor's name, in a path.
type Name = Result<Path<String>, PathRejection>;

/// `GET /v1/cursors`
pub(super) async fn list(
    State(node): State<Node>,
    Extension(access): Extension<Access>,
) -> Result<Json<dag_api::Cursors>, Failed> {
    let mut listed = node.readers.list_cursors().await?;
    listed.cursors.retain(|cursor| access.sees(&node, &cursor.stream));
    Ok(Json(listed))
}

/// `GET /v1/cursors/{name}`
pub(super) async fn one(State(node): State<Node>, name: Name) -> Result<Json<dag_api::Cursor>, Failed> {
    Ok(Json(node.readers.cursor(&name?.0).await?))
}

/// `POST /v1/cursors/{name}`
pub(super) async fn acknowledge(
    State(node): State<Node>,
    name: Name,
    Document(read): Document<dag_api::Acknowledge>,
) -> Result<Json<dag_api::Cursor>, Failed> {
    Ok(Json(node.readers.acknowledge(&name?.0, &read).await?))
}

/// `PUT /v1/cursors/{name}`
pub(super) async fn reset(
    State(node): State<Node>,
    name: Name,
    Document(reset): Document<dag_api::ResetCursor>,
) -> Result<Json<dag_api::Cursor>, Failed> {
    Ok(Json(node.readers.reset_cursor(&name?.0, &reset.to).await?))
}

/// `DELETE /v1/cursors/{name}`
pub(super) async fn delete(State(node): State<Node>, name: Name) -> Result<Json<dag_api::Cursor>, Failed> {
    Ok(Json(node.readers.delete_cursor(&name?.0).await?))
}
