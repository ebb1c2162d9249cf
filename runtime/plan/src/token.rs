//! A token as it is kept: what whoever shows it may do, and until when. What is shown is not kept, but its digest.
//!
//! The digest is a SHA-256 of a secret of 256 random bits. A slow hash, as for passwords, would protect secrets that can be guessed; of these
//! nobody tries more than a vanishing part, however fast the hash is.

use dag_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::Revision;

/// What a client may do. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// See streams, computations and operators, and subscribe.
    pub read: bool,
    /// Make streams, and publish to them.
    pub publish: bool,
    /// All the rest, too.
    pub admin: bool,
}

/// What a token is for. Persisted: the order of the variants and of their fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Use {
    /// To ask a node for something.
    Client {
        /// For what.
        scopes: Scopes,
        /// Of which streams: those whose names begin so.
        prefix: String,
    },
}

/// A token. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What people call it; no other has that name at the same time.
    pub name: String,
    /// What it is for.
    pub used: Use,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it is accepted; none for ever.
    pub expires: Option<Timestamp>,
    /// When it was made, as the plan counts.
    pub revision: Revision,
}

impl Token {
    /// Whether it is too late to use it.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}
