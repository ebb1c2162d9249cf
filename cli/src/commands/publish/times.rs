//! The times of records that are about to be sent.

use dag_api::{CreateStream, Stream};
use dag_codec::{Decoder, Format, TimeColumn};
use dag_model::{Field, Schema, Type};

use super::chunks::Chunk;

/// Finds the times of records that are sent as text.
pub struct Times {
    schema: Schema,
    time: TimeColumn,
    format: Format,
}

impl Times {
    /// Of records of this stream; `given` names their time column where it is not the stream's.
    pub fn new(stream: &Stream, settings: &CreateStream, format: Format, given: Option<String>) -> Times {
        let declared = settings.time.clone().unwrap_or_default();
        let fields =
            stream.schema.iter().filter_map(|column| Some(Field::new(&column.name, Type::from_name(&column.ty)?)));
        let time = TimeColumn { name: given.or(declared.column), unit: declared.unit, arrival: None };
        Times { schema: Schema::new(fields.collect()), time, format }
    }

    /// The times of those that are records of the stream; what is wrong with others, the node will say.
    pub fn of(&self, chunk: &Chunk) -> Vec<i64> {
        let decoded = Decoder::new(&self.schema, &self.time).decode(self.format, &chunk.bytes, chunk.first_line);
        decoded.map_or(Vec::new(), |decoded| dag_model::times(&decoded.batch).to_vec())
    }
}
