//! Backups.

use axum::Json;
use axum::extract::State;
use dag_api::{BackUp, BackedUp};

use super::content::Document;
use super::failure::Failed;
use crate::Node;

/// `POST /v1/backup`
pub(super) async fn back_up(
    State(node): State<Node>,
    Document(request): Document<BackUp>,
) -> Result<Json<BackedUp>, Failed> {
    Ok(Json(node.backups.back_up(request.directory).await?))
}
