//! Why whoever was asked does not do it.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// The most bytes of a refusal's text.
pub const MAX_TEXT: usize = 1024;

/// What a service says instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the caller's protocol makes of it.
    pub code: u16,
    /// For people.
    pub text: String,
}

impl Refusal {
    /// A refusal; a text beyond a KiB is cut.
    pub fn new(code: u16, text: impl Into<String>) -> Refusal {
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Refusal { code, text }
    }

    /// As a frame's payload.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(2 + self.text.len());
        bytes.put_u16_le(self.code);
        bytes.put_slice(self.text.as_bytes());
        bytes.freeze()
    }

    /// Of a frame's payload; what is no UTF-8 in the text is replaced.
    pub fn decode(payload: &[u8]) -> Option<Refusal> {
        let (code, text) = payload.split_first_chunk()?;
        Some(Refusal::new(u16::from_le_bytes(*code), String::from_utf8_lossy(text)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
