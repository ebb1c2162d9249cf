//! Operators: listed, deployed as components, taken back, and removed.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use dag_api::{DeployParameters, Deployed, OperatorVersions, Operators, UndeployParameters, Undeployed};

use super::content::Content;
use super::failure::Failed;
use crate::Node;

/// `GET /v1/operators`
pub(super) async fn list(State(node): State<Node>) -> Json<Operators> {
    Json(node.views.operators())
}

/// `GET /v1/operators/{name}`
pub(super) async fn one(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<OperatorVersions>, Failed> {
    let Path(name) = name?;
    Ok(Json(node.views.operator(&name)?))
}

/// `POST /v1/operators/{name}/rollback`
pub(super) async fn roll_back(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    parameters: Result<Query<DeployParameters>, QueryRejection>,
) -> Result<Json<Deployed>, Failed> {
    let (Path(name), Query(parameters)) = (name?, parameters?);
    Ok(Json(node.deployments.roll_back(name, parameters).await?))
}

/// `POST /v1/components`
pub(super) async fn deploy(
    State(node): State<Node>,
    parameters: Result<Query<DeployParameters>, QueryRejection>,
    content: Content,
) -> Result<Json<Deployed>, Failed> {
    let Query(parameters) = parameters?;
    Ok(Json(node.deployments.deploy(content.bytes.clone(), parameters).await?))
}

/// `DELETE /v1/components/{name}`
pub(super) async fn undeploy(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    parameters: Result<Query<UndeployParameters>, QueryRejection>,
) -> Result<Json<Undeployed>, Failed> {
    let (Path(name), Query(parameters)) = (name?, parameters?);
    Ok(Json(node.undeployments.undeploy(name, parameters).await?))
}
