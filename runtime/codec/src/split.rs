//! Cuts a file or standard input into bodies at record boundaries, without decoding.

/// Cuts NDJSON or CSV text that comes in pieces of any size into [`Chunk`]s of whole records.
///
/// It holds what was pushed and not yet taken, and of a record that has not ended no more than [`crate::MAX_LINE`] and the last
/// piece: what is longer will be refused anyway.
pub struct Splitter {
    buffer: Vec<u8>,
}

/// Some consecutive records as a body of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The records' text; for CSV after the header line of the whole input.
    pub bytes: Vec<u8>,
    /// The number to decode it with ([`crate::Decoder::decode`]), so that its records' lines are those of the whole input.
    pub first_line: u64,
    /// How many records it holds; at least 1.
    pub records: u64,
}

impl Splitter {
    /// Of JSON objects, one per line.
    pub fn ndjson() -> Splitter {
        Splitter { buffer: Vec::new() }
    }

    /// Of CSV with a header line.
    pub fn csv() -> Splitter {
        Splitter { buffer: Vec::new() }
    }

    /// Takes the next bytes of the input.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Tells that no bytes will follow: what is left after the last line end is a record, too.
    pub fn finish(&mut self) {}

    /// How many whole records wait to be taken.
    pub fn ready(&self) -> u64 {
        0
    }

    /// Up to `max_rows` of the waiting records; none if there are none.
    pub fn next_chunk(&mut self, max_rows: u64) -> Option<Chunk> {
        let _ = max_rows;
        None
    }
}
