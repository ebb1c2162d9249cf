//! Why an end closes a connection, told to the other with a text.

use std::fmt;

use quinn::{Connection, ConnectionError, VarInt};

/// The most bytes of a reason.
const MAX_REASON: usize = 512;

/// The code of a closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// The node stops, or the connection has done its work.
    Done = 0,
    /// The same node has dialled again.
    Replaced = 1,
    /// The certificate is not believed, or not any more.
    Untrusted = 2,
    /// There is no common version.
    Version = 3,
    /// The process is over: a later start of the same node was here.
    OldBoot = 4,
    /// What came cannot be.
    Misbehaved = 5,
    /// There are too many connections.
    TooMany = 6,
    /// One that a later version has.
    Unknown = 7,
}

impl Code {
    fn of(number: u64) -> Code {
        let all = [
            Code::Done,
            Code::Replaced,
            Code::Untrusted,
            Code::Version,
            Code::OldBoot,
            Code::Misbehaved,
            Code::TooMany,
        ];
        all.into_iter().find(|code| u64::from(*code as u32) == number).unwrap_or(Code::Unknown)
    }
}

/// How a connection ended, as one end saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The code, where an end closed it on purpose.
    pub code: Option<Code>,
    /// Why, for people.
    pub reason: String,
}

impl Closed {
    /// Closed from here.
    pub(crate) fn here(connection: &Connection, code: Code, reason: impl fmt::Display) -> Closed {
        let mut reason = reason.to_string();
        reason.truncate(reason.floor_char_boundary(MAX_REASON));
        connection.close(VarInt::from_u32(code as u32), reason.as_bytes());
        Closed { code: Some(code), reason }
    }

    /// What quinn says of a connection's end.
    pub(crate) fn of(error: &ConnectionError) -> Closed {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason[..close.reason.len().min(MAX_REASON)]);
                let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                Closed { code: Some(Code::of(close.error_code.into_inner())), reason }
            }
            ConnectionError::TimedOut => Closed { code: None, reason: "nothing comes from it any more".to_owned() },
            ConnectionError::Reset => Closed { code: None, reason: "it was started again".to_owned() },
            ConnectionError::ConnectionClosed(close) => Closed { code: None, reason: alert(close.error_code.into()) },
            other => Closed { code: None, reason: other.to_string() },
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// What the other end's TLS says (RFC 9001, 4.8: 0x100 and the alert of RFC 8446, 6.2).
fn alert(code: u64) -> String {
    let alert = match code {
        0x12a => "it does not take this node's certificate",
        0x12c => "it says that this node's certificate is revoked",
        0x12d => "it says that this node's certificate is expired",
        0x130 => "it does not know this node's authority: it is of another cluster",
        0x133 => "this node's certificate was not signed by the authority that it names",
        0x174 => "it wants a certificate",
        0x178 => "it does not speak the protocol of nodes, or not of this kind of connection",
        _ => return format!("it closed the connection with the code {code:#x}"),
    };
    alert.to_owned()
}
