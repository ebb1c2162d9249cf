//! What cannot be done, as an answer: a status and `{"error": {"code", "message"}}`.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use dag_api::{Cause, Failure};

use crate::error::{Code, NodeError};

/// When to ask again where there is too much to do now, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Failed(NodeError);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Failed(error) = self;
        let status = status(error.code);
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
        Failure { error: Cause { code: error.code.name().to_owned(), message: error.message.clone() } }
    }
}

/// The HTTP status of a class of failure.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::BadExpression => StatusCode::BAD_REQUEST,
        Code::BadBody => StatusCode::BAD_REQUEST,
        Code::BadComponent => StatusCode::BAD_REQUEST,
        Code::RefusedRecords => StatusCode::BAD_REQUEST,
        Code::ForeignHost => StatusCode::FORBIDDEN,
        Code::UnknownStream => StatusCode::NOT_FOUND,
        Code::UnknownOperator => StatusCode::NOT_FOUND,
        Code::UnknownPublisher => StatusCode::NOT_FOUND,
        Code::UnknownCursor => StatusCode::NOT_FOUND,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Exists => StatusCode::CONFLICT,
        Code::Sealed => StatusCode::CONFLICT,
        Code::Fenced => StatusCode::CONFLICT,
        Code::OutOfSequence => StatusCode::CONFLICT,
        Code::OperatorTaken => StatusCode::CONFLICT,
        Code::Version => StatusCode::CONFLICT,
        Code::Incompatible => StatusCode::CONFLICT,
        Code::InUse => StatusCode::CONFLICT,
        Code::NeedsReplay => StatusCode::CONFLICT,
        Code::Trimmed => StatusCode::GONE,
        Code::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Busy => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
    }
}

impl<E> From<E> for Failed
where
    NodeError: From<E>,
{
    fn from(error: E) -> Failed {
        Failed(error.into())
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
    use dag_api::{CreateStream, SubscribeParameters};

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
