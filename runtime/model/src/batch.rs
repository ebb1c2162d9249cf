//! A batch is an Arrow record batch whose first column is `time`; the columns of the stream's schema follow.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef, TimeUnit};
use dag_frame::{Field, Schema, Type};

/// The name of the column that every batch begins with.
pub const TIME: &str = "time";

/// The Arrow type of a column.
pub fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Boolean => DataType::Boolean,
        Type::Int64 => DataType::Int64,
        Type::Float64 => DataType::Float64,
        Type::Utf8 => DataType::Utf8,
        Type::Binary => DataType::Binary,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
    }
}

/// The Arrow schema of a stream's batches: `time`, then the stream's columns, all nullable but `time`.
pub fn arrow_schema(schema: &Schema) -> SchemaRef {
    let time = ArrowField::new(TIME, arrow_type(Type::Timestamp), false);
    let columns = schema.fields.iter().map(|field| ArrowField::new(&field.name, arrow_type(field.ty), true));
    Arc::new(ArrowSchema::new(std::iter::once(time).chain(columns).collect::<Vec<_>>()))
}

/// The stream schema of an Arrow schema as [`arrow_schema()`] makes it; none if it has other types or no `time` in front.
pub fn schema_of(schema: &ArrowSchema) -> Option<Schema> {
    let (time, columns) = schema.fields().split_first()?;
    if time.name() != TIME || *time.data_type() != arrow_type(Type::Timestamp) {
        return None;
    }
    let field = |field: &Arc<ArrowField>| {
        let ty = Type::ALL.into_iter().find(|ty| arrow_type(*ty) == *field.data_type())?;
        Some(Field::new(field.name(), ty))
    };
    Some(Schema::new(columns.iter().map(field).collect::<Option<_>>()?))
}

/// The event times of a batch, in nanoseconds.
///
/// # Panics
/// If the batch was not made with [`arrow_schema()`].
pub fn times(batch: &RecordBatch) -> &[i64] {
    batch.column(0).as_primitive::<TimestampNanosecondType>().values()
}
