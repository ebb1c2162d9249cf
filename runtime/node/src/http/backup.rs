//! Backups.

use axum::Json;
use axum::extract::State;

use super::content::Content;
use super::failure::Failed;
use crate::Node;
use crate::api::{BackUp, BackedUp};

/// `POST /v1/backup`
pub(super) async fn back_up(State(node): State<Node>, Content(body): Content) -> Result<Json<BackedUp>, Failed> {
    let Json(request) = Json::<BackUp>::from_bytes(&body)?;
    Ok(Json(node.backup(request.directory).await?))
}
