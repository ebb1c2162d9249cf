//! What cannot be done, as an answer: a status and `{"error": {"code", "message"}}`. Nobody else says which error has which code.

use std::error::Error;
use std::io;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use dag_api::{Cause, Failure};
use dag_log::{OpenError, is_full};
use dag_plan::Refusal;
use dag_wasm::LoadError;

use crate::backup::BackupError;
use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::budget::NoMemory;
use crate::deploy::DeployError;
use crate::error::{Code, NodeError};
use crate::metadata::MetaError;
use crate::operators::error::{ComponentError, UnknownOperator};
use crate::readers::cursors::{CursorError, NotChanged};
use crate::readers::standing::NotThere;
use crate::streams::error::StreamError;
use crate::streams::settings::{DurationError, SettingsError};
use crate::undeploy::UndeployError;

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

/// The errors of the node's parts become what the API answers: a code, and what they say.
macro_rules! answers {
    ($($error:ty: $code:expr;)*) => {$(
        impl From<$error> for NodeError {
            fn from(error: $error) -> NodeError {
                let code: fn(&$error) -> Code = $code;
                NodeError::new(code(&error), error.to_string())
            }
        }
    )*};
}

answers! {
    Broken: |_| Code::Internal;
    Full: |_| Code::Busy;
    NoMemory: |error| match error {
        NoMemory::Ever { .. } => Code::TooLarge,
        NoMemory::Now { .. } => Code::Busy,
    };
    UnknownOperator: |_| Code::UnknownOperator;
    ComponentError: component;
    DeployError: |error| match error {
        DeployError::Component(error) => component(error),
        DeployError::UnknownOperator(_) => Code::UnknownOperator,
        DeployError::NoEarlier(_) => Code::Version,
        DeployError::Incompatible { .. } => Code::Incompatible,
        DeployError::NeedsReplay { .. } => Code::NeedsReplay,
        DeployError::Meta(error) => kept(error),
        DeployError::Unusable(_) | DeployError::Broken(_) => Code::Internal,
    };
    UndeployError: |error| match error {
        UndeployError::Unknown { .. } => Code::NotFound,
        UndeployError::Own(_) => Code::BadRequest,
        UndeployError::InUse { .. } => Code::InUse,
        UndeployError::Meta(error) => kept(error),
        UndeployError::Broken(_) => Code::Internal,
    };
    BackupError: |error| match error {
        BackupError::Long(_)
        | BackupError::Relative(_)
        | BackupError::NowhereAllowed(_)
        | BackupError::NotAllowed { .. }
        | BackupError::Overlaps { .. } => Code::BadRequest,
        BackupError::NoFolder(_) | BackupError::OtherData(_) | BackupError::NotEmpty(_) | BackupError::Link(_) => Code::Exists,
        BackupError::InUse(_) => Code::Busy,
        BackupError::Io { source, .. } if is_full(source) => Code::DiskFull,
        BackupError::Io { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => Code::BadRequest,
            // Retention was quicker, which the next attempt knows.
            io::ErrorKind::ResourceBusy => Code::Busy,
            _ => Code::Internal,
        },
        BackupError::Meta(error) => kept(error),
        BackupError::Stream(error) => error.code,
        BackupError::Log(_) | BackupError::Broken(_) => Code::Internal,
    };
    SettingsError: |_| Code::BadRequest;
    DurationError: |_| Code::BadRequest;
    StreamError: |error| match error {
        StreamError::Settings(_) => Code::BadRequest,
        StreamError::TooMany => Code::Busy,
        StreamError::Make { source: OpenError::Io { source, .. }, .. } if is_full(source) => Code::DiskFull,
        StreamError::Make { .. } => Code::Internal,
        StreamError::Meta(error) => kept(error),
    };
    NotThere: |error| match error {
        NotThere::PastEnd { .. } => Code::BadRequest,
        NotThere::Trimmed { .. } | NotThere::Lost { .. } => Code::Trimmed,
    };
    CursorError: cursor;
    NotChanged: |error| match error {
        NotChanged::Cursor(error) => cursor(error),
        NotChanged::Kept { why, .. } => kept(why),
        NotChanged::Contended(_) => Code::Busy,
    };
    MetaError: kept;
}

fn component(error: &ComponentError) -> Code {
    match error {
        ComponentError::Load(LoadError::TooLarge(_)) | ComponentError::TooLarge { .. } => Code::TooLarge,
        ComponentError::Load(LoadError::Builder(_) | LoadError::Code(_)) | ComponentError::Embedded { .. } => {
            Code::Internal
        }
        ComponentError::Load(LoadError::Abandoned) | ComponentError::TooMany(_) | ComponentError::Stopping => {
            Code::Busy
        }
        ComponentError::Load(_) => Code::BadComponent,
        ComponentError::Version { .. } => Code::Version,
        ComponentError::OperatorTaken { .. } => Code::OperatorTaken,
        ComponentError::Io { source, .. } if is_full(source) => Code::DiskFull,
        ComponentError::Meta(error) => kept(error),
        ComponentError::Io { .. } | ComponentError::Broken(_) => Code::Internal,
    }
}

fn cursor(error: &CursorError) -> Code {
    match error {
        CursorError::Unknown(_) => Code::UnknownCursor,
        CursorError::Belongs { .. } | CursorError::Placed { .. } => Code::Exists,
        CursorError::TakenOver { .. } | CursorError::Reset(_) | CursorError::Deleted(_) => Code::Fenced,
        CursorError::TooMany => Code::Busy,
        CursorError::Broken { .. } => Code::Internal,
        CursorError::NotRead { .. } => Code::BadRequest,
    }
}

/// Of what cannot be kept.
fn kept(error: &MetaError) -> Code {
    match error {
        error if error.is_full() => Code::DiskFull,
        MetaError::Busy { .. } | MetaError::Stopping | MetaError::Refused(Refusal::Full { .. }) => Code::Busy,
        _ => Code::Internal,
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
