//! Records as bytes.

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBuffer;

/// The records of an entry.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All of them, in sequence.
    pub batch: RecordBatch,
    /// Which of them are late; none when none is.
    pub late: Option<BooleanBuffer>,
}

impl Loaded {
    /// The records that are not late, in sequence. No copy where none or all are.
    pub fn on_time(&self) -> RecordBatch {
        todo!()
    }

    /// The late records, in sequence. No copy where none or all are.
    pub fn late(&self) -> RecordBatch {
        todo!()
    }
}
