//! A checked block at the front of a file: the header of a segment, the content of an index file.

use serde::Serialize;

/// Bytes before the content.
pub(crate) const PREFIX: usize = 16;
/// The most that the content may take.
const LIMIT: usize = 16 << 20;
/// The version of the format. It is persisted.
pub(crate) const VERSION: u16 = 2;

/// The least multiple of 8 that is not less than `length`.
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// The block that holds `content`.
///
/// # Panics
/// If it is larger than 16 MiB; what goes in is bounded well below.
pub(crate) fn encode(magic: [u8; 4], content: &impl Serialize) -> Vec<u8> {
    let content = postcard::to_stdvec(content).expect("plain data encodes");
    assert!(content.len() <= LIMIT, "a block of {} bytes", content.len());
    let mut block = Vec::with_capacity(PREFIX + padded(content.len()));
    block.extend_from_slice(&magic);
    block.extend_from_slice(&VERSION.to_le_bytes());
    block.extend_from_slice(&[0; 2]);
    block.extend_from_slice(&(content.len() as u32).to_le_bytes());
    block.extend_from_slice(&[0; 4]);
    block.extend_from_slice(&content);
    block.resize(PREFIX + padded(content.len()), 0);
    let checksum = checksum(&block);
    block[12..16].copy_from_slice(&checksum.to_le_bytes());
    block
}

/// The version of a block with that magic that a newer program wrote, by its first [`PREFIX`] bytes; none if it is no such one.
pub(crate) fn newer(magic: [u8; 4], prefix: &[u8]) -> Option<u16> {
    let version = version(prefix);
    (prefix[..4] == magic && version > VERSION).then_some(version)
}

/// The version of a block, by its first [`PREFIX`] bytes.
pub(crate) fn version(prefix: &[u8]) -> u16 {
    u16::from_le_bytes([prefix[4], prefix[5]])
}

/// How long the whole block is, by its first [`PREFIX`] bytes; an error says what is wrong with them.
pub(crate) fn length(magic: [u8; 4], prefix: &[u8]) -> Result<usize, String> {
    if prefix[..4] != magic {
        return Err(format!("it begins with {:02x?}, not with {magic:02x?}", &prefix[..4]));
    }
    let version = version(prefix);
    if !(1..=VERSION).contains(&version) {
        return Err(format!("format version {version}; this program reads up to {VERSION}"));
    }
    let content = u32::from_le_bytes(prefix[8..12].try_into().expect("four bytes")) as usize;
    if content > LIMIT {
        return Err(format!("a header of {content} bytes; the limit is {LIMIT}"));
    }
    Ok(PREFIX + padded(content))
}

/// What is in a block of the length that [`length`] gives.
pub(crate) fn decode<T>(block: &[u8], content: impl FnOnce(&[u8]) -> Result<T, postcard::Error>) -> Result<T, String> {
    let stored = u32::from_le_bytes(block[12..16].try_into().expect("four bytes"));
    if checksum(block) != stored {
        return Err("the header's checksum does not match".into());
    }
    content(&block[PREFIX..]).map_err(|error| format!("the header does not decode: {error}"))
}

fn checksum(block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..12]);
    hasher.update(&block[PREFIX..]);
    hasher.finalize()
}
