//! Operators: listed, deployed as components, taken back, and removed.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use dag_api::{DeployParameters, Deployed, OperatorVersions, Operators, UndeployParameters, Undeployed};

use super::access::Access;
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
    Extension(access): Extension<Access>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<OperatorVersions>, Failed> {
    let Path(name) = name?;
    let mut operator = node.views.operator(&name)?;
    operator.versions.iter_mut().for_each(|version| version.runs.retain(|run| access.sees(&node, &run.stream)));
    Ok(Json(operator))
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
