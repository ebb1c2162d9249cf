//! Frames: what all streams between nodes consist of.
//!
//! ```text
//! byte 0..4   length of the payload, u32, the lowest byte first
//! byte 4      kind
//! then        the payload
//!
//! kind          payload                                          where
//!  1 hello      postcard of `Hello`                              first on a connection, by who dialled
//!  2 welcome    postcard of `Welcome`                            its answer
//!  3 request    the caller's bytes                               first on a stream
//!  4 answer     the caller's bytes                               its answer, an upload's answer
//!  5 refused    code u16, the lowest byte first; text in UTF-8   in place of an answer, or of what is left of a download
//!  6 message    the caller's bytes                               on the stream of messages
//!  7 download   window u32; the caller's bytes                   first on a stream
//!  8 upload     the caller's bytes                               first on a stream
//!  9 part       the caller's bytes                               in a download or an upload
//! 10 end        nothing                                          behind the last part
//! 11 credit     u32: so many more bytes of parts may come        against the direction of the parts
//! ```
//!
//! A kind that may not come at a place, and a length beyond what that kind has there, are refused when the first five bytes are there: memory
//! is taken only for what has come.

use bytes::{Buf, Bytes, BytesMut};

/// The bytes before a frame's payload.
pub const HEAD: usize = 5;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    Hello = 1,
    Welcome = 2,
    Request = 3,
    Answer = 4,
    Refused = 5,
    Message = 6,
    Download = 7,
    Upload = 8,
    Part = 9,
    End = 10,
    Credit = 11,
}

impl Kind {
    const ALL: [Kind; 11] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Request,
        Kind::Answer,
        Kind::Refused,
        Kind::Message,
        Kind::Download,
        Kind::Upload,
        Kind::Part,
        Kind::End,
        Kind::Credit,
    ];

    fn of(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// What one end sends at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: Bytes,
}

impl Frame {
    /// The five bytes before the payload.
    ///
    /// # Panics
    /// If the payload has 4 GiB.
    pub fn head(&self) -> [u8; HEAD] {
        let length = u32::try_from(self.payload.len()).expect("payloads are bounded");
        let [a, b, c, d] = length.to_le_bytes();
        [a, b, c, d, self.kind as u8]
    }
}

/// The kinds that may come at a place, each with the most bytes of its payload.
pub type Allowed = &'static [(Kind, usize)];

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No such kind, or it has no place here.
    #[error("a frame of kind {0}, which has no place here")]
    Kind(u8),
    /// Too long.
    #[error("a frame of kind {kind} with {length} bytes: at most {most} are taken here")]
    TooLong {
        /// Its kind.
        kind: u8,
        /// What it says of itself.
        length: usize,
        /// The limit.
        most: usize,
    },
}

/// Puts frames together from bytes as they come, in whatever pieces.
///
/// ```
/// use bytes::Bytes;
/// use dag_transport::frame::{Decoder, Frame, Kind};
///
/// let mut decoder = Decoder::new(&[(Kind::Part, 1024), (Kind::End, 0)]);
/// let mut piece = Bytes::from_static(b"\x03\0\0\0\x09ab");
/// assert_eq!(decoder.take(&mut piece), Ok(None));
/// let mut piece = Bytes::from_static(b"c\0\0\0\0\x0a");
/// assert_eq!(decoder.take(&mut piece), Ok(Some(Frame { kind: Kind::Part, payload: Bytes::from_static(b"abc") })));
/// assert_eq!(decoder.take(&mut piece), Ok(Some(Frame { kind: Kind::End, payload: Bytes::new() })));
/// assert!(decoder.is_between() && piece.is_empty());
/// ```
#[derive(Debug)]
pub struct Decoder {
    allowed: Allowed,
    /// What has come of the frame's first bytes.
    head: ([u8; HEAD], usize),
    /// What the first bytes say.
    begun: Option<(Kind, usize)>,
    payload: BytesMut,
}

impl Decoder {
    /// Nothing has come.
    pub fn new(allowed: Allowed) -> Decoder {
        Decoder { allowed, head: ([0; HEAD], 0), begun: None, payload: BytesMut::new() }
    }

    /// From here on other kinds may come.
    ///
    /// # Panics
    /// Within a frame.
    pub fn allow(&mut self, allowed: Allowed) {
        assert!(self.is_between(), "a frame has begun");
        self.allowed = allowed;
    }

    /// Whether no part of a frame has come.
    pub fn is_between(&self) -> bool {
        self.head.1 == 0 && self.begun.is_none()
    }

    /// Takes what belongs to the next frame, and returns that when it is whole; what follows it stays in `bytes`.
    pub fn take(&mut self, bytes: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        let (kind, length) = match self.begun {
            Some(begun) => begun,
            None => match self.take_head(bytes)? {
                Some(begun) => *self.begun.insert(begun),
                None => return Ok(None),
            },
        };
        let missing = length - self.payload.len();
        let payload = if self.payload.is_empty() && bytes.len() >= missing {
            bytes.split_to(missing)
        } else {
            self.payload.extend_from_slice(&bytes.split_to(missing.min(bytes.len())));
            if self.payload.len() < length {
                return Ok(None);
            }
            self.payload.split().freeze()
        };
        self.begun = None;
        Ok(Some(Frame { kind, payload }))
    }

    fn take_head(&mut self, bytes: &mut Bytes) -> Result<Option<(Kind, usize)>, FrameError> {
        let (head, have) = &mut self.head;
        let taken = bytes.len().min(HEAD - *have);
        bytes.copy_to_slice(&mut head[*have..*have + taken]);
        *have += taken;
        if *have < HEAD {
            return Ok(None);
        }
        *have = 0;
        let [a, b, c, d, kind] = *head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let found = Kind::of(kind).and_then(|kind| self.allowed.iter().find(|(allowed, _)| *allowed == kind));
        match found {
            None => Err(FrameError::Kind(kind)),
            Some((_, most)) if length > *most => Err(FrameError::TooLong { kind, length, most: *most }),
            Some((kind, _)) => Ok(Some((*kind, length))),
        }
    }
}
