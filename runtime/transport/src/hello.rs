//! The first words on a connection: who runs here, what it speaks, where it can be found.
//!
//! ```text
//!   who dialled                                        who was dialled
//!       | ---- TLS 1.3: both certificates -------------> |   names, authority, time, revocation
//!       | ---- Hello: versions, boot, addresses -------> |   a common version; no later boot known
//!       | <--- Welcome: version, boot, addresses ------- |   or the connection is closed, with a code and the reason
//! ```
//!
//! Both are a frame with a postcard value. What the caller's payloads mean is versioned here: each end says the least and the greatest version
//! that it speaks, and the greatest that both do is the connection's. This frame's own form has the number in the protocol's name (ALPN).

use std::ops::RangeInclusive;

use bytes::Bytes;
use dag_model::NodeId;
use serde::{Deserialize, Serialize};

/// The most bytes of a hello or a welcome.
pub const MAX_HELLO: usize = 160 << 10;

/// The most addresses of others in one.
pub const MAX_KNOWN: usize = 256;

/// The most bytes of an address, as a name can have and its port.
pub const MAX_ADDRESS: usize = 261;

/// Where a node can be reached: `NAME:PORT`, resolved when it is dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Addresses {
    /// Of its control connections.
    pub control: String,
    /// Of its data connections.
    pub data: String,
}

/// What who dials says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The versions that it speaks, the least and the greatest.
    pub versions: (u16, u16),
    /// Which start of its process this is: greater than all before.
    pub boot: u64,
    /// Where it can be reached.
    pub own: Addresses,
    /// What it knows of others: hints, since each is asked for its certificate.
    pub known: Vec<(NodeId, Addresses)>,
    /// It only wants to know who is here, and keeps the connections that it has.
    pub passing: bool,
}

/// What who was dialled answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The connection's version.
    pub version: u16,
    /// Which start of its process this is.
    pub boot: u64,
    /// Where it can be reached.
    pub own: Addresses,
    /// What it knows of others.
    pub known: Vec<(NodeId, Addresses)>,
}

/// Why bytes are no hello or welcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not what the form says.
    #[error("a hello that cannot be read")]
    Malformed,
    /// The greatest is below the least.
    #[error("a hello that speaks the versions {0} to {1}")]
    Versions(u16, u16),
    /// An address that none can be.
    #[error("a hello with an address of {0} bytes: it has the form NAME:PORT, and at most {MAX_ADDRESS} bytes")]
    Address(usize),
    /// Too many others.
    #[error("a hello with {0} addresses of others: at most {MAX_KNOWN} are taken")]
    Known(usize),
}

/// There is no common version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no common version: one end speaks {}, the other {}", said(.0), said(.1))]
pub struct NoVersion(pub RangeInclusive<u16>, pub RangeInclusive<u16>);

fn said(versions: &RangeInclusive<u16>) -> String {
    match (versions.start(), versions.end()) {
        (one, other) if one == other => format!("version {one}"),
        (least, greatest) => format!("the versions {least} to {greatest}"),
    }
}

impl Addresses {
    /// Whether they have the form of addresses.
    pub fn check(&self) -> Result<(), HelloError> {
        let is_one = |text: &str| {
            let port = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).map(|(_, port)| port.parse::<u16>());
            text.len() <= MAX_ADDRESS && !text.contains(char::is_control) && matches!(port, Some(Ok(1..)))
        };
        match [&self.control, &self.data].into_iter().find(|text| !is_one(text)) {
            Some(text) => Err(HelloError::Address(text.len())),
            None => Ok(()),
        }
    }
}

impl Hello {
    /// As a frame's payload.
    pub fn encode(&self) -> Bytes {
        encode(self)
    }

    /// Of a frame's payload.
    pub fn decode(payload: &[u8]) -> Result<Hello, HelloError> {
        let hello: Hello = decode(payload)?;
        let (least, greatest) = hello.versions;
        if greatest < least {
            return Err(HelloError::Versions(least, greatest));
        }
        check(&hello.own, &hello.known)?;
        Ok(hello)
    }

    /// The greatest version that both speak.
    pub fn version(&self, here: &RangeInclusive<u16>) -> Result<u16, NoVersion> {
        let there = self.versions.0..=self.versions.1;
        let common = *here.end().min(there.end());
        if here.contains(&common) && there.contains(&common) { Ok(common) } else { Err(NoVersion(there, here.clone())) }
    }
}

impl Welcome {
    /// As a frame's payload.
    pub fn encode(&self) -> Bytes {
        encode(self)
    }

    /// Of a frame's payload.
    pub fn decode(payload: &[u8]) -> Result<Welcome, HelloError> {
        let welcome: Welcome = decode(payload)?;
        check(&welcome.own, &welcome.known)?;
        Ok(welcome)
    }
}

fn check(own: &Addresses, known: &[(NodeId, Addresses)]) -> Result<(), HelloError> {
    if known.len() > MAX_KNOWN {
        return Err(HelloError::Known(known.len()));
    }
    known.iter().map(|(_, addresses)| addresses).chain([own]).try_for_each(Addresses::check)
}

fn encode(value: &impl Serialize) -> Bytes {
    postcard::to_stdvec(value).expect("it has a form in postcard").into()
}

fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, HelloError> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        _ => Err(HelloError::Malformed),
    }
}
