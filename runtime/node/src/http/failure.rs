//! What cannot be done, as an answer: a status and `{"error": {"code", "message"}}`.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use crate::api::{Cause, Failure};
use crate::error::{Code, NodeError};

/// When to ask again where there is too much to do now, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Failed(NodeError);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Failed(error) = self;
        let (status, _) = answer(error.code);
        if status.is_server_error() {
            tracing::error!(%error, "request failed");
        }
        let mut response = (status, Json(Failure::from(&error))).into_response();
        if error.code == Code::Busy {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.parse().expect("digits"));
        }
        response
    }
}

impl From<&NodeError> for Failure {
    fn from(error: &NodeError) -> Failure {
        let (_, code) = answer(error.code);
        Failure { error: Cause { code: code.to_owned(), message: error.message.clone() } }
    }
}

/// The status of a class of failure, and its name.
const fn answer(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::BadRequest => (StatusCode::BAD_REQUEST, "bad-request"),
        Code::BadExpression => (StatusCode::BAD_REQUEST, "bad-expression"),
        Code::BadBody => (StatusCode::BAD_REQUEST, "bad-body"),
        Code::BadComponent => (StatusCode::BAD_REQUEST, "bad-component"),
        Code::RefusedRecords => (StatusCode::BAD_REQUEST, "refused-records"),
        Code::ForeignHost => (StatusCode::FORBIDDEN, "foreign-host"),
        Code::UnknownStream => (StatusCode::NOT_FOUND, "unknown-stream"),
        Code::UnknownOperator => (StatusCode::NOT_FOUND, "unknown-operator"),
        Code::UnknownPublisher => (StatusCode::NOT_FOUND, "unknown-publisher"),
        Code::UnknownCursor => (StatusCode::NOT_FOUND, "unknown-cursor"),
        Code::NotFound => (StatusCode::NOT_FOUND, "not-found"),
        Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
        Code::Exists => (StatusCode::CONFLICT, "exists"),
        Code::Sealed => (StatusCode::CONFLICT, "sealed"),
        Code::Fenced => (StatusCode::CONFLICT, "fenced"),
        Code::OutOfSequence => (StatusCode::CONFLICT, "out-of-sequence"),
        Code::OperatorTaken => (StatusCode::CONFLICT, "operator-taken"),
        Code::Version => (StatusCode::CONFLICT, "version"),
        Code::Incompatible => (StatusCode::CONFLICT, "incompatible"),
        Code::InUse => (StatusCode::CONFLICT, "in-use"),
        Code::NeedsReplay => (StatusCode::CONFLICT, "needs-replay"),
        Code::Trimmed => (StatusCode::GONE, "trimmed"),
        Code::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow"),
        Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        Code::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        Code::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk-full"),
    }
}

impl From<NodeError> for Failed {
    fn from(error: NodeError) -> Failed {
        Failed(error)
    }
}

impl From<QueryRejection> for Failed {
    fn from(rejection: QueryRejection) -> Failed {
        bad_request("parameters", &rejection)
    }
}

impl From<PathRejection> for Failed {
    fn from(rejection: PathRejection) -> Failed {
        bad_request("path", &rejection)
    }
}

impl From<JsonRejection> for Failed {
    fn from(rejection: JsonRejection) -> Failed {
        bad_request("body", &rejection)
    }
}

/// The rejection's cause says what is wrong with what; the rejection itself only which type of the code does not fit.
fn bad_request(what: &str, rejection: &dyn Error) -> Failed {
    let mut cause = rejection;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failed(NodeError::new(Code::BadRequest, format!("{what}: {cause}")))
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;

    use super::*;
    use crate::api::{CreateStream, SubscribeParameters};

    fn message(failed: impl Into<Failed>) -> String {
        failed.into().0.message
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let refused = |query: &str| {
            let uri: Uri = format!("/v1/subscribe?{query}").parse().unwrap();
            message(Query::<SubscribeParameters>::try_from_uri(&uri).unwrap_err())
        };
        assert_eq!(refused("limit=many"), "parameters: limit: invalid digit found in string");
        assert_eq!(refused("wait=maybe"), "parameters: wait: provided string was not `true` or `false`");
        assert_eq!(refused("expr=a&expr=b"), "parameters: duplicate field `expr`");
        assert!(refused("form=csv").starts_with("parameters: form: unknown field `form`, expected one of `expr`, "));
    }

    #[test]
    fn a_wrong_field_of_a_body_is_named() {
        let refused = |body: &str| message(Json::<CreateStream>::from_bytes(body.as_bytes()).unwrap_err());
        let missing = r#"{"name": "x", "schema": [{"name": "v"}]}"#;
        assert_eq!(refused(missing), "body: schema[0]: missing field `type` at line 1 column 38");
        let unknown = r#"{"name": "x", "schema": [], "colour": 1}"#;
        assert!(refused(unknown).starts_with("body: colour: unknown field `colour`, expected one of `name`, "));
        assert_eq!(refused("{"), "body: EOF while parsing an object at line 1 column 1");
    }

    #[test]
    fn who_comes_too_often_is_told_when_to_come_again() {
        let response = Failed(NodeError::new(Code::Busy, "later")).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
