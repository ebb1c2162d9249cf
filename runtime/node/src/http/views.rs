//! What the node does, and why a stream gives nothing.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use dag_api::{Explanation, Status, StatusParameters};
use serde::Deserialize;

use super::access::Access;
use super::failure::Failed;
use crate::Node;
use crate::blocking::Broken;

/// The parameters of `GET /v1/explain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainParameters {
    /// The stream.
    expr: String,
}

/// `GET /v1/status`
pub(super) async fn status(
    State(node): State<Node>,
    Extension(access): Extension<Access>,
    parameters: Result<Query<StatusParameters>, QueryRejection>,
) -> Result<Json<Status>, Failed> {
    let Query(parameters) = parameters?;
    let status = tokio::task::spawn_blocking(move || access.of_status(&node, parameters)).await;
    Ok(Json(status.map_err(Broken::from)?))
}

/// `GET /v1/explain`
pub(super) async fn explain(
    State(node): State<Node>,
    parameters: Result<Query<ExplainParameters>, QueryRejection>,
) -> Result<Json<Explanation>, Failed> {
    let Query(parameters) = parameters?;
    Ok(Json(node.views.explain(&parameters.expr).await?))
}
