//! From bytes that somebody sent to what a node keeps of a component: its bytes, its compiled code, and what it says of itself.
//!
//! Strangers' bytes are built in a process of their own: see [`builder`](crate::builder).

use dag_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component as Code;

use crate::description::{self, Description};
use crate::limits::Limits;
use crate::load::{self, LoadError};
use crate::runtime::Runtime;
use crate::shape;

/// A component that was built, and can be [opened](Runtime::open).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its bytes: those that were sent, or what a core module was made into.
    pub bytes: Vec<u8>,
    /// Its code, compiled for this machine and this version of the engine.
    pub code: Vec<u8>,
    /// What it says of itself.
    pub description: Description,
}

/// The digest of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

impl Runtime {
    /// Builds a component, or a core module that says what component it is, in this process. It has to say within these limits what it
    /// is; nothing else of this has a limit but in proportion to the bytes.
    pub fn build(&self, bytes: &[u8], limits: Limits) -> Result<Built, LoadError> {
        load::bounded(bytes)?;
        shape::check(bytes)?;
        let bytes = load::to_component(bytes)?;
        let code = Code::new(&self.engine, &bytes).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let guests = self.guests(&code)?;
        let description = description::check(guests.describe(limits)?, guests.imports)?;
        let code = code.serialize().map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        Ok(Built { digest: digest(&bytes), bytes, code, description })
    }
}
