//! Tokens: made, listed, revoked.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use dag_api::{Code, CreateToken, CreatedToken, Token, Tokens};

use super::content::Document;
use super::failure::Failed;
use crate::Node;

/// `POST /v1/tokens`
pub(super) async fn create(
    State(node): State<Node>,
    Document(request): Document<CreateToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Failed> {
    overheard(&node)?;
    Ok((StatusCode::CREATED, Json(node.tokens.create(request).await?)))
}

/// `GET /v1/tokens`
pub(super) async fn list(State(node): State<Node>) -> Result<Json<Tokens>, Failed> {
    overheard(&node)?;
    Ok(Json(node.tokens.list()))
}

/// `DELETE /v1/tokens/{name}`
pub(super) async fn revoke(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Token>, Failed> {
    overheard(&node)?;
    let Path(name) = name?;
    Ok(Json(node.tokens.revoke(name).await?))
}

/// Where other machines speak to the node without TLS, anybody could make tokens, or hear those that are made.
fn overheard(node: &Node) -> Result<(), Failed> {
    if node.tls.is_some() || node.listen.ip().is_loopback() {
        return Ok(());
    }
    let message = "this node is used without TLS and without tokens (--insecure): tokens are made, listed and revoked where it listens \
                   on this machine only, or speaks TLS";
    Err(Failed::new(Code::Forbidden, message))
}
