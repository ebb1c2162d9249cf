//! What a request may do: where the node speaks TLS, it shows a token, which has to be good for what is asked.
//!
//! [`RIGHTS`] says that of each endpoint; what is not in it is not answered. A token for some streams only, those whose names begin as it says, is
//! good for an expression if it is for all sources below it, and is shown no others in listings.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::path::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use dag_api::{Code, Scope, Status, StatusParameters};
use dag_expr::ErrorKind;
use dag_plan::Scopes;
use hyper::body::{Body as _, Frame, SizeHint};

use super::failure::Failed;
use super::guard::Asker;
use crate::Node;
use crate::streams::source::Origin;
use crate::tokens::{Shown, told};

/// What a request is about, which decides whether a token for some streams is good for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// All of the node: never for some streams only.
    Node,
    /// What is no stream's.
    Nothing,
    /// Several streams: the answer has those that the token is for.
    Listing,
    /// The stream in the path, by its name or as an expression.
    Stream,
    /// The stream of the cursor in the path.
    Cursor,
    /// The parameter `expr`.
    Expression,
    /// The stream that is named in the body: its handler asks.
    Body,
}

/// What an endpoint wants: any of the scopes. Who has `admin` has all.
type Right = (Method, &'static str, &'static [Scope], About);

const READ: &[Scope] = &[Scope::Read];
const PUBLISH: &[Scope] = &[Scope::Publish];
const EITHER: &[Scope] = &[Scope::Read, Scope::Publish];
const ADMIN: &[Scope] = &[Scope::Admin];

static RIGHTS: [Right; 25] = [
    (Method::GET, "/v1/streams", READ, About::Listing),
    (Method::POST, "/v1/streams", PUBLISH, About::Body),
    (Method::GET, "/v1/streams/{name}", EITHER, About::Stream),
    (Method::PATCH, "/v1/streams/{name}", ADMIN, About::Stream),
    (Method::DELETE, "/v1/streams/{name}", ADMIN, About::Stream),
    (Method::POST, "/v1/streams/{name}/records", PUBLISH, About::Stream),
    (Method::GET, "/v1/streams/{name}/publishers/{publisher}", EITHER, About::Stream),
    (Method::GET, "/v1/subscribe", READ, About::Expression),
    // Its id is known to the subscriber only.
    (Method::GET, "/v1/subscriptions/{id}/notices", READ, About::Nothing),
    (Method::GET, "/v1/cursors", READ, About::Listing),
    (Method::GET, "/v1/cursors/{name}", READ, About::Cursor),
    (Method::POST, "/v1/cursors/{name}", READ, About::Cursor),
    (Method::PUT, "/v1/cursors/{name}", READ, About::Cursor),
    (Method::DELETE, "/v1/cursors/{name}", READ, About::Cursor),
    (Method::GET, "/v1/operators", READ, About::Nothing),
    (Method::GET, "/v1/operators/{name}", READ, About::Listing),
    (Method::POST, "/v1/operators/{name}/rollback", ADMIN, About::Node),
    (Method::POST, "/v1/components", ADMIN, About::Node),
    (Method::DELETE, "/v1/components/{name}", ADMIN, About::Node),
    (Method::POST, "/v1/backup", ADMIN, About::Node),
    (Method::GET, "/v1/status", READ, About::Listing),
    (Method::GET, "/v1/explain", READ, About::Expression),
    (Method::GET, "/v1/tokens", ADMIN, About::Node),
    (Method::POST, "/v1/tokens", ADMIN, About::Node),
    (Method::DELETE, "/v1/tokens/{name}", ADMIN, About::Node),
];

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// Anybody: the node wants no tokens.
    Anybody,
    /// Who has shown that token.
    Token(Shown),
}

/// Lets a request pass whose token is good for it.
pub(super) async fn admit(
    State(node): State<Node>,
    matched: Option<MatchedPath>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failed> {
    if node.tls.is_none() {
        request.extensions_mut().insert(Access::Anybody);
        return Ok(next.run(request).await);
    }
    let shown = node.tokens.accept(bearer(request.headers())?).map_err(|why| no_token(why.to_string()))?;
    let access = Access::Token(shown.clone());
    if let Some(matched) = matched {
        let about = granted(&shown, request.method(), matched.as_str())?;
        let of_path = path.ok().and_then(|path| path.iter().next().map(|(_, value)| value.to_owned()));
        access.admit(&node, about, of_path.as_deref(), &request)?;
    }
    request.extensions_mut().insert(access);
    // No page can send a token that it does not have.
    request.extensions_mut().insert(Asker::Known);
    let response = next.run(request).await;
    Ok(match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|body| Body::new(Lasting { body, ended: Box::pin(node.tokens.clone().ended(shown)) })),
    })
}

impl Access {
    fn admit(&self, node: &Node, about: About, of_path: Option<&str>, request: &Request) -> Result<(), Failed> {
        match about {
            About::Node => self.prefix().map_or(Ok(()), |prefix| {
                Err(self.forbidden(&format!(
                    "is for streams whose names begin with `{prefix}`, and this is about all of the node"
                )))
            }),
            About::Nothing | About::Listing | About::Body => Ok(()),
            About::Stream => of_path.map_or(Ok(()), |name| self.covers(node, name)),
            About::Cursor => {
                let plan = node.tokens.plan();
                let cursor = of_path.and_then(|name| plan.cursor(name));
                cursor.map_or(Ok(()), |cursor| self.covers(node, &cursor.stream))
            }
            About::Expression => {
                // All of that name, as the handler takes one and refuses several.
                let Ok(Query(parameters)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
                    return Ok(());
                };
                let mut expressions = parameters.iter().filter(|(name, _)| name == "expr");
                expressions.try_for_each(|(_, expression)| self.covers(node, expression))
            }
        }
    }

    /// How the names of streams begin that it is for; none where it is for all.
    fn prefix(&self) -> Option<&str> {
        match self {
            Access::Token(shown) if !shown.prefix().is_empty() => Some(shown.prefix()),
            _ => None,
        }
    }

    /// Whether it is for a stream: a source by its name, or an expression, of which it is to be for all sources below it.
    pub fn covers(&self, node: &Node, text: &str) -> Result<(), Failed> {
        let Some(prefix) = self.prefix() else { return Ok(()) };
        let not_covered = |name: &String| !name.starts_with(prefix);
        match sources_of(node, text)?.into_iter().find(not_covered) {
            None => Ok(()),
            Some(name) => Err(self.forbidden(&format!(
                "is for streams whose names begin with `{prefix}`, and `{}` does not",
                dag_model::text::shortened(&name, 80)
            ))),
        }
    }

    /// Whether it is for a stream that is to be made under that name.
    pub fn covers_name(&self, name: &str) -> Result<(), Failed> {
        match self.prefix() {
            Some(prefix) if !name.starts_with(prefix) => {
                let name = dag_model::text::shortened(name, 80);
                Err(self.forbidden(&format!("is for streams whose names begin with `{prefix}`, and `{name}` does not")))
            }
            _ => Ok(()),
        }
    }

    /// Whether a stream is listed.
    pub fn sees(&self, node: &Node, stream: &str) -> bool {
        self.covers(node, stream).is_ok()
    }

    /// What the node does, as far as it is seen.
    pub fn of_status(&self, node: &Node, parameters: StatusParameters) -> Status {
        if self.prefix().is_none() {
            return node.views.status(parameters);
        }
        let mut status = node.views.status(StatusParameters { computations: usize::MAX });
        status.computations.retain(|computation| self.sees(node, &computation.stream));
        status.computations_total = status.computations.len();
        status.computations.truncate(parameters.computations);
        status.cursors.retain(|cursor| self.sees(node, &cursor.stream));
        status.unavailable.retain(|what, _| self.covers_name(what).is_ok());
        status
    }

    fn forbidden(&self, why: &str) -> Failed {
        let name = match self {
            Access::Anybody => "",
            Access::Token(shown) => shown.name(),
        };
        Failed::new(Code::Forbidden, format!("the token `{name}` {why}"))
    }
}

/// The sources that a stream is, or is computed from.
fn sources_of(node: &Node, text: &str) -> Result<Vec<String>, Failed> {
    let is_published = node.streams.all().get(text).is_some_and(|source| source.origin == Origin::Published);
    if is_published || node.streams.unavailable().why(text).is_some() {
        return Ok(vec![text.to_owned()]);
    }
    // What cannot be taken apart might come to be something else until it is read: it is refused.
    node.operators.streams_in(text).map_err(|error| {
        let code = match error.kind {
            ErrorKind::UnknownOperator(_) => Code::UnknownOperator,
            _ => Code::BadExpression,
        };
        Failed::new(code, error.render(text))
    })
}

/// What the endpoint is about, if the token has a scope for it.
fn granted(shown: &Shown, method: &Method, path: &str) -> Result<About, Failed> {
    let is_method = |of: &Method| of == method || *of == Method::GET && *method == Method::HEAD;
    let right = RIGHTS.iter().find(|(of, at, ..)| is_method(of) && *at == path);
    let Some((_, _, wanted, about)) = right else {
        return Err(Failed::new(Code::MethodNotAllowed, format!("`{path}` does not take {method}")));
    };
    let Scopes { read, publish, admin } = shown.scopes();
    let has = |scope: &Scope| match scope {
        Scope::Read => read || admin,
        Scope::Publish => publish || admin,
        Scope::Admin => admin,
    };
    if wanted.iter().any(has) {
        return Ok(*about);
    }
    let names = |scopes: &[Scope]| scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>();
    Err(Failed::new(
        Code::Forbidden,
        format!(
            "the token `{}` is for {}, and this wants one for {}: whoever has one for `admin` makes it with `dag token create`",
            shown.name(),
            names(&told(shown.scopes())).join(" and "),
            names(wanted).join(" or ")
        ),
    ))
}

/// What a request shows.
fn bearer(headers: &HeaderMap) -> Result<&str, Failed> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else {
        return Err(no_token("this node wants a token".to_owned()));
    };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        Some((_, token)) => Ok(token.trim()),
        None => Err(no_token("Authorization: expected `Bearer TOKEN`, found something else".to_owned())),
    }
}

fn no_token(why: String) -> Failed {
    let how = "send `Authorization: Bearer TOKEN`, with dag by DAG_TOKEN or --token-file FILE";
    Failed::new(Code::Unauthenticated, format!("{why}; {how}"))
}

/// A body that goes on for as long as its token is accepted.
struct Lasting {
    body: Body,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The token is not accepted any more.
#[derive(Debug, thiserror::Error)]
#[error("the token has expired, or was revoked")]
struct NotAccepted;

impl hyper::body::Body for Lasting {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(NotAccepted.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
