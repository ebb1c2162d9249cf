//! Arrow IPC streams.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use dag_model::{Position, Schema, arrow_schema};

use super::{EncodeOptions, position_name};

/// Writes batches as the messages of a stream; uncompressed, which every reader can read.
pub(super) struct Arrow {
    schema: SchemaRef,
    /// Into a vector that is emptied after each message.
    writer: StreamWriter<Vec<u8>>,
}

impl Arrow {
    pub fn new(schema: &Schema, options: EncodeOptions) -> Arrow {
        let mut fields = arrow_schema(schema).fields().to_vec();
        if options.positions {
            fields.push(Arc::new(Field::new(position_name(schema), DataType::Utf8, false)));
        }
        let schema = Arc::new(ArrowSchema::new(fields));
        let writer = StreamWriter::try_new(Vec::new(), &schema).expect("a vector takes all bytes");
        Arrow { schema, writer }
    }

    /// Moves what has been written, at first the schema.
    pub fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.writer.get_mut());
    }

    pub fn batch(&mut self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let mut columns = batch.columns().to_vec();
        if let Some(positions) = positions {
            let texts: ArrayRef = Arc::new(StringArray::from_iter_values(positions.iter().map(Position::to_string)));
            columns.push(texts);
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns).expect("a batch with the schema's columns");
        self.writer.write(&batch).expect("a vector takes all bytes");
        self.drain(out);
    }

    /// The end of stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.writer.finish().expect("a vector takes all bytes");
        self.drain(out);
    }
}
