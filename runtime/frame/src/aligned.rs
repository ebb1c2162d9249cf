//! Bytes whose first one lies at a multiple of eight, for readers whose buffer does not.

use std::ops::Deref;

use crate::cast;

/// A copy of some bytes that begins at a multiple of eight, as [`Frame::parse`](crate::Frame::parse) needs it.
///
/// ```
/// use dag_frame::{AlignedBytes, Column, Frame, encode};
/// let bytes = encode(2, &[Column::int64([Some(1), None]).view()]);
/// let aligned = AlignedBytes::copy(&bytes);
/// assert_eq!(Frame::parse(&aligned).unwrap().rows(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct AlignedBytes {
    words: Vec<u64>,
    len: usize,
}

impl AlignedBytes {
    /// Copies `bytes`.
    pub fn copy(bytes: &[u8]) -> AlignedBytes {
        let mut copy = AlignedBytes::default();
        copy.replace(bytes);
        copy
    }

    /// Copies `bytes` over what was here, keeping the memory.
    pub fn replace(&mut self, bytes: &[u8]) {
        self.words.resize(bytes.len().div_ceil(8), 0);
        self.len = bytes.len();
        cast::bytes_of_mut(&mut self.words)[..bytes.len()].copy_from_slice(bytes);
    }

    /// Whether `bytes` can be parsed where they lie.
    pub fn is_aligned(bytes: &[u8]) -> bool {
        bytes.as_ptr().cast::<u64>().is_aligned()
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &cast::bytes_of(&self.words)[..self.len]
    }
}
