//! A schema from a sample.

use dag_model::Schema;

use crate::{BodyError, Format, TimeColumn};

/// The columns of a stream that these records could be of. `sample` holds whole records, such as a first [`crate::Chunk`].
///
/// # Errors
/// If there is no record in it that tells the columns, or no time column, or a column that no stream may have.
pub fn infer(format: Format, sample: &[u8], time: &TimeColumn) -> Result<Schema, BodyError> {
    let _ = (format, sample, time);
    Err(BodyError::NothingToInfer)
}
