//! What cannot be done, as an answer: a status and `{"error": {"code", "message"}}`. Nobody else says which error has which code.

use std::error::Error;
use std::io;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use dag_api::{Cause, Code, Failure};
use dag_codec::BodyError;
use dag_log::{AppendError, OpenError, is_full};
use dag_plan::{DemandError, Refusal};
use dag_wasm::LoadError;

use crate::alter::AlterError;
use crate::backup::BackupError;
use crate::blocking::Broken;
use crate::budget::NoMemory;
use crate::computations::error::StartError;
use crate::delete::DeleteError;
use crate::deploy::DeployError;
use crate::metadata::MetaError;
use crate::metadata::change::ChangeError;
use crate::operators::error::{BindError, ComponentError, UnknownOperator};
use crate::readers::NoSubscription;
use crate::readers::cursors::{CursorError, NotChanged};
use crate::readers::error::ReaderError;
use crate::readers::standing::NotThere;
use crate::streams::alter::AlterError as SourceError;
use crate::streams::error::StreamError;
use crate::streams::publish::PublishError;
use crate::tokens::TokenError;
use crate::undeploy::UndeployError;
use crate::views::ViewError;

/// When to ask again where there is too much to do now, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failed {
    /// Its class.
    pub code: Code,
    /// What was found, what was expected, what to do.
    pub message: String,
}

impl Failed {
    /// A failure of this class, with a message that is complete and made for people.
    pub fn new(code: Code, message: impl Into<String>) -> Failed {
        Failed { code, message: message.into() }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let error = self;
        let status = status(error.code);
        if status.is_server_error() {
            tracing::error!(%error, "request failed");
        }
        let mut response = (status, Json(Failure::from(&error))).into_response();
        if error.code == Code::Busy {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.parse().expect("digits"));
        }
        if error.code == Code::Unauthenticated {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<&Failed> for Failure {
    fn from(error: &Failed) -> Failure {
        Failure { error: Cause { code: error.code.name().to_owned(), message: error.message.clone() } }
    }
}

/// The errors of the node's parts become what the API answers: a code, and what they say.
macro_rules! answers {
    ($($error:ty: $code:expr;)*) => {$(
        impl From<$error> for Failed {
            fn from(error: $error) -> Failed {
                let code: fn(&$error) -> Code = $code;
                Failed::new(code(&error), error.to_string())
            }
        }
    )*};
}

answers! {
    Broken: |_| Code::Internal;
    NoMemory: memory;
    UnknownOperator: |_| Code::UnknownOperator;
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
        UndeployError::Change(error) => change(error),
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
        BackupError::Stream(error) => stream(error),
        BackupError::Log(_) | BackupError::Broken(_) => Code::Internal,
    };
    StreamError: stream;
    PublishError: |error| match error {
        PublishError::Stream(error) => stream(error),
        PublishError::ReadOnly { .. } | PublishError::Parameters(_) => Code::BadRequest,
        PublishError::BusyStream(_) | PublishError::Busy => Code::Busy,
        PublishError::NoMemory(error) => memory(error),
        PublishError::Body(BodyError::TooMuch { .. }) => Code::TooLarge,
        PublishError::Body(_) => Code::BadBody,
        PublishError::Refused { source, .. } => refused(source),
        PublishError::UnknownPublisher { .. } => Code::UnknownPublisher,
        PublishError::NotDurable(_) | PublishError::Broken(_) => Code::Internal,
    };
    DeleteError: |error| match error {
        DeleteError::Stream(error) => stream(error),
        DeleteError::Bind(error) => bind(error),
        DeleteError::View { .. } | DeleteError::With { .. } => Code::BadRequest,
        DeleteError::NotStored(_) => Code::NotFound,
        DeleteError::InUse { .. } => Code::InUse,
        DeleteError::Stopping(_) => Code::Busy,
        DeleteError::Change(error) => change(error),
    };
    AlterError: |error| match error {
        AlterError::Bind(error) => bind(error),
        AlterError::Stream(error) => stream(error),
        AlterError::Source(error) => altered(error),
        AlterError::View { .. } | AlterError::Computed(_) => Code::BadRequest,
        AlterError::TooMany => Code::Busy,
        AlterError::Change(error) => change(error),
    };
    ViewError: |error| match error {
        ViewError::Stream(error) => stream(error),
        ViewError::Bind(error) => bind(error),
        ViewError::NotComputed(_) => Code::NotFound,
        ViewError::Full(_) => Code::Busy,
        ViewError::Broken(_) => Code::Internal,
    };
    TokenError: |error| match error {
        TokenError::Request(_) => Code::BadRequest,
        TokenError::Exists(_) => Code::Exists,
        TokenError::Unknown(_) => Code::NotFound,
        TokenError::TooMany(_) => Code::Busy,
        TokenError::Meta(error) => kept(error),
        TokenError::File { .. } | TokenError::Broken(_) => Code::Internal,
    };
    ReaderError: reader;
    NoSubscription: |_| Code::NotFound;
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

fn memory(error: &NoMemory) -> Code {
    match error {
        NoMemory::Ever { .. } => Code::TooLarge,
        NoMemory::Now { .. } => Code::Busy,
    }
}

fn stream(error: &StreamError) -> Code {
    match error {
        StreamError::Settings(_) | StreamError::Reserved(_) => Code::BadRequest,
        StreamError::TooMany | StreamError::Full(_) => Code::Busy,
        StreamError::Unknown { .. } => Code::UnknownStream,
        StreamError::Differs { .. } | StreamError::NameTaken(_) => Code::Exists,
        StreamError::Make { source: OpenError::Io { source, .. }, .. } if is_full(source) => Code::DiskFull,
        StreamError::Meta(error) => kept(error),
        StreamError::Begin { error: AppendError::Full(_) | AppendError::Reserved(_), .. } => Code::DiskFull,
        StreamError::Begin { .. }
        | StreamError::Make { .. }
        | StreamError::Data(_)
        | StreamError::NotOpened(_)
        | StreamError::Broken(_) => Code::Internal,
    }
}

/// Of a source that is not altered.
fn altered(error: &SourceError) -> Code {
    match error {
        SourceError::Stream(error) => stream(error),
        SourceError::Settings(_)
        | SourceError::Fixed { .. }
        | SourceError::Skipped { .. }
        | SourceError::NoOperator(_)
        | SourceError::Gone(_)
        | SourceError::Nothing(_) => Code::BadRequest,
        SourceError::Change(error) => change(error),
    }
}

fn reader(error: &ReaderError) -> Code {
    match error {
        ReaderError::Parameters(_) | ReaderError::Duration(_) | ReaderError::NotRead { .. } => Code::BadRequest,
        ReaderError::Bind(error) => bind(error),
        ReaderError::TooMany | ReaderError::Moving(_) | ReaderError::Stopping | ReaderError::Full(_) => Code::Busy,
        ReaderError::NotThere(NotThere::PastEnd { .. }) => Code::BadRequest,
        ReaderError::NotThere(NotThere::Trimmed { .. } | NotThere::Lost { .. })
        | ReaderError::NotCopied(_)
        | ReaderError::Removed { .. }
        | ReaderError::Behind { .. }
        | ReaderError::Lacking { .. }
        | ReaderError::Trimmed { .. } => Code::Trimmed,
        ReaderError::Demand { error, .. } => match error {
            DemandError::NoSuchStream(_) => Code::UnknownStream,
            DemandError::Operator(_) | DemandError::NoSuchPosition { .. } => Code::BadRequest,
            DemandError::TooEarly { .. } | DemandError::Gone { .. } | DemandError::Lost { .. } => Code::Trimmed,
            DemandError::Quarantined { .. } => Code::Internal,
        },
        ReaderError::Start(error) => start(error),
        ReaderError::Cursor(error) | ReaderError::NotChanged(NotChanged::Cursor(error)) => cursor(error),
        ReaderError::NotChanged(NotChanged::Contended(_)) => Code::Busy,
        ReaderError::NotChanged(NotChanged::Kept { why, .. }) => kept(why),
        ReaderError::Meta(error) => kept(error),
        ReaderError::Order(error) if error.is_short_of_memory() => Code::Busy,
        ReaderError::Stopped(_)
        | ReaderError::Read(_)
        | ReaderError::Order(_)
        | ReaderError::Lost
        | ReaderError::Broken(_) => Code::Internal,
    }
}

fn start(error: &StartError) -> Code {
    match error {
        StartError::Bind(_) => Code::BadExpression,
        StartError::Meta(error) => kept(error),
        StartError::Full(_) => Code::Busy,
        _ => Code::Internal,
    }
}

fn bind(error: &BindError) -> Code {
    match error {
        BindError::Expression(_) => Code::BadExpression,
        BindError::UnknownStream(_) => Code::UnknownStream,
        BindError::UnknownOperator(_) => Code::UnknownOperator,
        BindError::Forgotten | BindError::NotAsked(_) | BindError::Full(_) => Code::Busy,
        BindError::NotOpened(_) | BindError::Unusable { .. } | BindError::Broken(_) => Code::Internal,
    }
}

/// Of what a log does not take.
fn refused(error: &dag_log::PublishError) -> Code {
    use dag_log::PublishError::{Append, Bookmark, Fenced, Gap, HeartbeatAhead, Name, Sealed, TooManyPublishers};
    match error {
        Sealed | Append(AppendError::Sealed) => Code::Sealed,
        Fenced { .. } => Code::Fenced,
        Gap { .. } => Code::OutOfSequence,
        HeartbeatAhead { .. } | Name { .. } | Bookmark { .. } => Code::BadRequest,
        TooManyPublishers { .. } => Code::Busy,
        Append(AppendError::Full(_) | AppendError::Reserved(_)) => Code::DiskFull,
        Append(AppendError::TooLarge { .. }) => Code::TooLarge,
        Append(_) => Code::Internal,
    }
}

/// Of a change that did not come about.
fn change(error: &ChangeError) -> Code {
    match error {
        ChangeError::Meta(error) => kept(error),
        ChangeError::Full(_) => Code::Busy,
        ChangeError::Broken(_) => Code::Internal,
    }
}

/// Of what cannot be kept.
fn kept(error: &MetaError) -> Code {
    match error {
        error if error.is_full() => Code::DiskFull,
        MetaError::Busy { .. } | MetaError::Stopping | MetaError::Refused(Refusal::Full { .. }) => Code::Busy,
        MetaError::Refused(Refusal::Used { .. }) => Code::InUse,
        _ => Code::Internal,
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

/// The HTTP status of a class of failure.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::BadExpression => StatusCode::BAD_REQUEST,
        Code::BadBody => StatusCode::BAD_REQUEST,
        Code::BadComponent => StatusCode::BAD_REQUEST,
        Code::RefusedRecords => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
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
    Failed::new(Code::BadRequest, format!("{what}: {cause}"))
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;

    use super::*;
    use dag_api::{CreateStream, SubscribeParameters};

    fn message(failed: impl Into<Failed>) -> String {
        failed.into().message
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
        let response = Failed::new(Code::Busy, "later").into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
