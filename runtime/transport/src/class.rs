//! The two kinds of connections between nodes.

use std::fmt;

use crate::limits::{MAX_CONTROL_MESSAGE, MAX_DATA_MESSAGE, MAX_QUEUE};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Heartbeats, Raft, promises, commit marks, requests: small, and never behind what is large.
    Control,
    /// Entries, snapshots, components: as much as there is.
    Data,
}

impl Class {
    /// The protocol's name in TLS (ALPN); the number is the version of the hello.
    pub(crate) fn protocol(self) -> &'static [u8] {
        match self {
            Class::Control => b"dag-control/1",
            Class::Data => b"dag-data/1",
        }
    }

    /// The most bytes of a message.
    pub fn most(self) -> usize {
        match self {
            Class::Control => MAX_CONTROL_MESSAGE,
            Class::Data => MAX_DATA_MESSAGE,
        }
    }

    /// The most bytes of messages that wait for a node.
    pub fn most_queued(self) -> usize {
        MAX_QUEUE[self as usize]
    }

    /// What a stream and a connection may hold unread.
    pub(crate) fn windows(self) -> (u32, u32) {
        match self {
            Class::Control => (2 << 20, 16 << 20),
            Class::Data => (8 << 20, 80 << 20),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Control => "control",
            Class::Data => "data",
        })
    }
}
