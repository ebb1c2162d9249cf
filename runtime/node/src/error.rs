//! What a node answers where it cannot do what was asked.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use dag_api::Code;

use dag_log::{OpenError, is_full};
use dag_wasm::LoadError;

use crate::backup::BackupError;
use crate::blocking::Broken;
use crate::budget::NoMemory;
use crate::computations::snapshots::SnapshotError;
use crate::deploy::DeployError;
use crate::metadata::MetaError;
use crate::operators::error::{ComponentError, UnknownOperator};
use crate::readers::cursors::{CursorError, NotKept};
use crate::readers::standing::NotThere;
use crate::streams::error::StreamError;
use crate::streams::settings::{DurationError, SettingsError};
use crate::undeploy::UndeployError;

/// A failure, with a message that is complete and made for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// Its class.
    pub code: Code,
    /// What was found, what was expected, what to do.
    pub message: String,
}

impl NodeError {
    /// A failure of this class.
    pub fn new(code: Code, message: impl Into<String>) -> NodeError {
        NodeError { code, message: message.into() }
    }
}

/// Why a node does not start, or ends other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another node has the data folder.
    #[error("another node uses {}: stop it, or give this one a folder of its own with --data", .0.display())]
    Locked(PathBuf),
    /// The data folder can't be used.
    #[error("{}: {why}", path.display())]
    Data {
        /// What in it.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The metadata can't be used.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There are no threads or no memory to run operators with.
    #[error("cannot start: {0}")]
    Start(String),
    /// A component that is kept, or that this dag brings, can't be made current.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A log was written by a newer dag.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A snapshot was written by a newer dag.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Something that is kept can't be read.
    #[error(transparent)]
    Kept(#[from] NodeError),
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
    CursorError: |error| match error {
        CursorError::Unknown(_) => Code::UnknownCursor,
        CursorError::Belongs { .. } | CursorError::Placed { .. } => Code::Exists,
        CursorError::TakenOver { .. } | CursorError::Reset(_) | CursorError::Deleted(_) => Code::Fenced,
        CursorError::TooMany => Code::Busy,
        CursorError::Broken { .. } => Code::Internal,
        CursorError::NotRead { .. } => Code::BadRequest,
    };
    NotKept: |error| kept(&error.0);
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

/// Of what cannot be kept.
fn kept(error: &MetaError) -> Code {
    if error.is_full() { Code::DiskFull } else { Code::Internal }
}
