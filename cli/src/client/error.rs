//! What can go wrong between a command and a node.

use std::io;
use std::time::Duration;

use dag_api::Code;
use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// A request that had no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot reach a node at {url}: start one with `dag serve`, or name one with --node or DAG_NODE")]
    Unreachable {
        /// The node's URL.
        url: String,
    },
    /// There is no trust, or no TLS.
    #[error("no secure connection to {url}: {why}")]
    Tls {
        /// The node's URL.
        url: String,
        /// Why, and what to do.
        why: String,
    },
    /// The connection was lost before the answer was whole.
    #[error("lost the connection to the node at {url}: {cause}")]
    Broken {
        /// The node's URL.
        url: String,
        /// What the transport said.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something answers there that does not speak the node's API.
    #[error("what answers at {url} is not a dag node")]
    NotANode {
        /// The URL.
        url: String,
    },
    /// The node said no, and why.
    #[error("{}", .0.message)]
    Refused(Refusal),
}

/// An answer of the node that is not a success.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs; none where the node is newer, or a proxy answers.
    pub code: Option<Code>,
    /// For people, complete.
    pub message: String,
    /// When to ask again, where the node says so.
    pub retry_after: Option<Duration>,
    /// The whole answer; null where it was not JSON.
    pub body: Value,
}

impl Refusal {
    /// Reads an answer's body, which should be an error of the API but may come from a proxy.
    pub fn new(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Refusal {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
        let code = text("code").as_deref().and_then(Code::of);
        let message = text("message").unwrap_or_else(|| format!("the node answered {status}"));
        Refusal { status, code, message, retry_after, body }
    }
}

impl ClientError {
    /// The API's error code, where the node said no.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Refused(refusal) => refusal.code,
            _ => None,
        }
    }

    /// When the node says to ask again, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ClientError::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Whether the node's disk is full, until somebody makes room.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, ClientError::Refused(refusal) if refusal.status == StatusCode::INSUFFICIENT_STORAGE)
    }

    /// Whether the same request may succeed a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } | ClientError::Broken { .. } => true,
            ClientError::NotANode { .. } | ClientError::Tls { .. } => false,
            ClientError::Refused(refusal) => {
                matches!(refusal.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

/// What is wrong with TLS, if an error comes of that.
pub fn tls(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use rustls::{CertificateError, Error};
    let why = match error.downcast_ref::<Error>() {
        // The latter of an authority that only has the name of one that is believed.
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            "its certificate is of no authority that is believed here: name its own with --ca FILE or DAG_CA".to_owned()
        }
        Some(Error::InvalidMessage(_)) => "what answers does not speak TLS: say http:// instead of https://".to_owned(),
        Some(error) => error.to_string(),
        // The error in an error of input and output is not its source.
        None => {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            return inner.and_then(|inner| tls(inner)).or_else(|| tls(error.source()?));
        }
    };
    Some(why)
}

/// The seconds of a `Retry-After` header.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
