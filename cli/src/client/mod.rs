//! The HTTP client: the only way in which commands talk to a node.
//!
//! [`target`] spells paths and parameters, [`error`] tells what went wrong; the shapes of answers are [`dag_api`]'s.

mod credentials;
mod error;
mod target;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, TE};
use hyper::{Method, Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

pub use credentials::Credentials;
pub use error::{ClientError, Refusal};
pub use target::Target;

use crate::exit::misuse;

/// Tells the node that no web page asks.
const CLIENT: HeaderName = HeaderName::from_static("dag-client");

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A node, and the connections that are kept to it.
#[derive(Clone)]
pub struct Client {
    base: String,
    /// Shows its token.
    authorization: Option<HeaderValue>,
    connector: HttpsConnector<HttpConnector>,
    http: Connections,
}

type Connections = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

impl Client {
    /// A client of the node at `url`, where `http://` and a trailing slash may be left out or given, with these credentials.
    pub fn new(url: &str, credentials: Credentials) -> anyhow::Result<Client> {
        let url = url.trim_end_matches('/');
        let base = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let is_https = base.starts_with("https://");
        let uri = base.parse::<hyper::Uri>().ok().filter(|uri| uri.host().is_some() && uri.path() == "/");
        let Some(uri) = uri.filter(|_| is_https || base.starts_with("http://")) else {
            return Err(misuse(format!("`{url}` is not a node's URL; one looks like http://127.0.0.1:7324")));
        };
        let authorization = credentials.header(&uri)?;
        let connector = credentials.connector(plain(), is_https)?;
        Ok(Client { base, authorization, http: connections(connector.clone()), connector })
    }

    /// A client of the same node with connections of its own, for another thread's runtime.
    pub fn apart(&self) -> Client {
        Client { http: connections(self.connector.clone()), ..self.clone() }
    }

    /// The node's URL, with no slash at the end.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Gets a JSON answer.
    pub async fn get(&self, target: &Target) -> Result<Value, ClientError> {
        self.answer(Method::GET, target, None, Bytes::new()).await
    }

    /// Posts a body and gets a JSON answer.
    pub async fn post(&self, target: &Target, content_type: &'static str, body: Bytes) -> Result<Value, ClientError> {
        self.answer(Method::POST, target, Some(content_type), body).await
    }

    /// Puts a body and gets a JSON answer.
    pub async fn put(&self, target: &Target, content_type: &'static str, body: Bytes) -> Result<Value, ClientError> {
        self.answer(Method::PUT, target, Some(content_type), body).await
    }

    /// Changes a part of what is there and gets a JSON answer.
    pub async fn patch(&self, target: &Target, content_type: &'static str, body: Bytes) -> Result<Value, ClientError> {
        self.answer(Method::PATCH, target, Some(content_type), body).await
    }

    /// Deletes what is there and gets a JSON answer.
    pub async fn delete(&self, target: &Target) -> Result<Value, ClientError> {
        self.answer(Method::DELETE, target, None, Bytes::new()).await
    }

    /// Gets an answer whose body is read as it comes; its end may carry trailers.
    pub async fn stream(&self, target: &Target) -> Result<Response<Incoming>, ClientError> {
        let mut request = self.request(Method::GET, target, None, Bytes::new());
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("TE"));
        let response = self.http.request(request).await.map_err(|cause| self.failed(cause))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let retry_after = error::retry_after(response.headers());
        let body = response.into_body().collect().await.map_err(|cause| self.broken(cause))?.to_bytes();
        Err(ClientError::Refused(Refusal::new(status, retry_after, &body)))
    }

    async fn answer(
        &self,
        method: Method,
        target: &Target,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Result<Value, ClientError> {
        let request = self.request(method, target, content_type, body);
        let response = self.http.request(request).await.map_err(|cause| self.failed(cause))?;
        let status = response.status();
        let retry_after = error::retry_after(response.headers());
        let body = response.into_body().collect().await.map_err(|cause| self.broken(cause))?.to_bytes();
        if !status.is_success() {
            return Err(ClientError::Refused(Refusal::new(status, retry_after, &body)));
        }
        serde_json::from_slice(&body).map_err(|_| self.not_a_node())
    }

    fn request(
        &self,
        method: Method,
        target: &Target,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        request.headers_mut().insert(CLIENT, HeaderValue::from_static(concat!("dag/", env!("CARGO_PKG_VERSION"))));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        *request.method_mut() = method;
        *request.uri_mut() =
            format!("{}{target}", self.base).parse().expect("a checked URL and percent-encoded text are a URI");
        if let Some(content_type) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        request
    }

    fn failed(&self, cause: legacy::Error) -> ClientError {
        if let Some(why) = error::tls(&cause) {
            return ClientError::Tls { url: self.base.clone(), why };
        }
        if cause.is_connect() { ClientError::Unreachable { url: self.base.clone() } } else { self.broken(cause) }
    }

    /// The error of a connection that was made and then lost.
    pub fn broken(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Broken { url: self.base.clone(), cause: cause.into() }
    }

    /// The error of an answer that no node gives.
    pub fn not_a_node(&self) -> ClientError {
        ClientError::NotANode { url: self.base.clone() }
    }
}

/// What makes connections, as far as TLS has no part in it.
fn plain() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector
}

/// No connections yet.
fn connections(connector: HttpsConnector<HttpConnector>) -> Connections {
    legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}
