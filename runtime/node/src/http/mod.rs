//! The HTTP API, as `docs/http.md` defines it: requests in, [`dag_api`] values and records out.
//!
//! [`serve()`] runs the connections. Each request passes [`guard`] and [`access`], then a handler of the module that its path belongs to; what
//! cannot be done becomes an answer in [`failure`]. [`content`] reads bodies, [`media`] tells what headers mean, [`answers`] counts what
//! waits to be read; a subscription's records go through [`writer`] into [`feed`], its body.

mod access;
mod answers;
mod backup;
mod connection;
mod content;
mod cursors;
mod failure;
mod feed;
mod guard;
mod media;
mod notices;
mod operators;
mod records;
mod serve;
mod streams;
mod subscribe;
mod tokens;
mod views;
mod writer;

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::Method;
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use dag_api::Code;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{Node, Origin};
use failure::Failed;
use guard::Guard;

pub(crate) use serve::serve;

/// The API of a node that listens at that address.
fn router(node: Node, listen: IpAddr) -> Router {
    let guard = Guard::new(listen, node.origins.clone(), node.tls.clone());
    let router = Router::new()
        .route("/v1/streams", get(streams::list).post(streams::create))
        .route("/v1/streams/{name}", get(streams::one).patch(streams::alter).delete(streams::remove))
        .route("/v1/streams/{name}/records", post(records::publish))
        .route("/v1/streams/{name}/publishers/{publisher}", get(records::progress))
        .route("/v1/subscribe", get(subscribe::subscribe))
        .route("/v1/subscriptions/{id}/notices", get(notices::notices))
        .route("/v1/cursors", get(cursors::list))
        .route(
            "/v1/cursors/{name}",
            get(cursors::one).post(cursors::acknowledge).put(cursors::reset).delete(cursors::delete),
        )
        .route("/v1/operators", get(operators::list))
        .route("/v1/operators/{name}", get(operators::one))
        .route("/v1/operators/{name}/rollback", post(operators::roll_back))
        .route("/v1/components", post(operators::deploy))
        .route("/v1/components/{name}", delete(operators::undeploy))
        .route("/v1/backup", post(backup::back_up))
        .route("/v1/tokens", get(tokens::list).post(tokens::create))
        .route("/v1/tokens/{name}", delete(tokens::revoke))
        .route("/v1/status", get(views::status))
        .route("/v1/explain", get(views::explain))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(node.clone(), answers::count))
        .layer(middleware::from_fn_with_state(node.clone(), access::admit));
    // Before a page sends a token, its browser asks without whether it may.
    let router = if node.origins.is_empty() { router } else { router.layer(sharing(&node.origins)) };
    router.layer(middleware::from_fn_with_state(guard, guard::admit)).with_state(node)
}

/// Tells browsers that pages of these origins may send anything and read the answers.
fn sharing(origins: &[Origin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.iter().map(|origin| origin.header().clone()).collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}

async fn no_such_path(request: Request) -> Failed {
    let message = format!("there is nothing at `{}`; the API's paths begin with /v1", request.uri().path());
    Failed::new(Code::NotFound, message)
}

async fn no_such_method(request: Request) -> Failed {
    let message = format!("`{}` does not take {}", request.uri().path(), request.method());
    Failed::new(Code::MethodNotAllowed, message)
}
