//! Operators: listed, and deployed as components.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

use super::content::Content;
use super::failure::Failed;
use crate::Node;
use crate::api::{DeployParameters, Deployed, Operators};

/// `GET /v1/operators`
pub(super) async fn list(State(node): State<Node>) -> Json<Operators> {
    Json(node.operators())
}

/// `POST /v1/components`
pub(super) async fn deploy(
    State(node): State<Node>,
    parameters: Result<Query<DeployParameters>, QueryRejection>,
    Content(component): Content,
) -> Result<Json<Deployed>, Failed> {
    let Query(parameters) = parameters?;
    Ok(Json(node.deploy(component, parameters).await?))
}
