//! What can be wrong with a component.

use std::io;
use std::path::PathBuf;

use dag_api::limits::ComponentDisk;
use dag_wasm::{LoadError, Version};

use super::building::TooMany;
use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::metadata::MetaError;
use crate::operators::questions::NotAsked;
use crate::streams::unavailable::NotOpened;

/// Why a component is not taken, or not had.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It cannot be built.
    #[error("{_0}{remedy}", remedy = remedy(_0))]
    Load(#[from] LoadError),
    /// One that the binary brings cannot be built.
    #[error("{name}: {source}")]
    Embedded {
        /// Its name.
        name: &'static str,
        /// Why.
        source: LoadError,
    },
    /// Its version does not follow what was deployed under its name.
    #[error("component `{name}` {found} {why}: give the new one a higher version")]
    Version {
        /// Its name.
        name: String,
        /// Its version.
        found: Version,
        /// How that compares.
        why: String,
    },
    /// Another component has an operator of the same name.
    #[error(
        "operator `{operator}` is exported by component `{by}` already: rename it, or deploy it under that component's name"
    )]
    OperatorTaken {
        /// The operator.
        operator: String,
        /// The other component.
        by: String,
    },
    /// There would be more on disk than all components may take.
    #[error(
        "component `{name}` takes {more} bytes on disk with its compiled code, and those that are deployed take {taken}: all may take \
         {limit} (--component-disk); `dag undeploy NAME` removes one"
    )]
    TooLarge {
        /// Its name.
        name: String,
        /// Bytes that it takes.
        more: u64,
        /// Bytes that the others take.
        taken: u64,
        /// Bytes that all may take.
        limit: ComponentDisk,
    },
    /// Its file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others are built now, and enough wait for that.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// What changes cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// It was being built when something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// What helps against a failed build.
fn remedy(error: &LoadError) -> &'static str {
    match error {
        LoadError::Bounds(_) => "; a node allows more with --build-memory and --build-time",
        _ => "",
    }
}

/// No component exports, or ever exported, an operator of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operator `{name}`: {hint}")]
pub struct UnknownOperator {
    /// The name.
    pub name: String,
    /// What may help.
    pub hint: String,
}

/// Why an expression cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is none, or what it says makes no sense.
    #[error("{0}")]
    Expression(String),
    /// There is no stream of a name in it.
    #[error("{0}")]
    UnknownStream(String),
    /// There is no operator of a name in it.
    #[error("{0}")]
    UnknownOperator(String),
    /// A stream in it cannot be opened.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// An operator in it cannot run.
    #[error("operator `{name}` cannot be used: {why}")]
    Unusable {
        /// The operator.
        name: String,
        /// Why.
        why: String,
    },
    /// Answers of operators are forgotten faster than they are used.
    #[error("operators are asked more than can be remembered: try again in a moment")]
    Forgotten,
    /// Its operators cannot be asked now.
    #[error(transparent)]
    NotAsked(#[from] NotAsked),
    /// Too many wait to be bound.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl BindError {
    /// Whether the same expression may be bound once a stream or an operator has appeared.
    pub fn may_appear(&self) -> bool {
        matches!(self, BindError::UnknownStream(_) | BindError::UnknownOperator(_))
    }

    /// Whether the same expression may be bound a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, BindError::Forgotten | BindError::NotAsked(_) | BindError::Full(_))
    }
}
