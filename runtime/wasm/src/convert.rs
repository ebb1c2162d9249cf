//! Between the interface's types and the project's.

use dag_expr::{Kind, Parameter, ParameterKind, Signature};
use dag_model::text::is_unprintable;
use dag_model::{Field, Lookback, Schema, TIME, Type};

use crate::bindings::types;

/// A lookback that 64 bits of nanoseconds cannot tell reaches as far back as any.
pub fn lookback(lookback: types::Lookback) -> Lookback {
    match lookback {
        types::Lookback::None => Lookback::None,
        types::Lookback::Duration(ns) => i64::try_from(ns).map_or(Lookback::Unbounded, Lookback::Duration),
        types::Lookback::Unbounded => Lookback::Unbounded,
    }
}

/// Columns that one stream may have.
const COLUMNS: usize = 1024;
/// Bytes of a column's name.
const COLUMN_NAME: usize = 1024;

pub fn ty(ty: types::ColumnType) -> Type {
    match ty {
        types::ColumnType::Boolean => Type::Boolean,
        types::ColumnType::Int64 => Type::Int64,
        types::ColumnType::Float64 => Type::Float64,
        types::ColumnType::Utf8 => Type::Utf8,
        types::ColumnType::Binary => Type::Binary,
        types::ColumnType::Timestamp => Type::Timestamp,
    }
}

fn column_type(ty: Type) -> types::ColumnType {
    match ty {
        Type::Boolean => types::ColumnType::Boolean,
        Type::Int64 => types::ColumnType::Int64,
        Type::Float64 => types::ColumnType::Float64,
        Type::Utf8 => types::ColumnType::Utf8,
        Type::Binary => types::ColumnType::Binary,
        Type::Timestamp => types::ColumnType::Timestamp,
    }
}

pub fn fields(schema: &Schema) -> Vec<types::Field> {
    let field = |field: &Field| types::Field { name: field.name.clone(), ty: column_type(field.ty) };
    schema.fields.iter().map(field).collect()
}

/// The schema that a guest declares for its output, or what is wrong with it.
pub fn schema(fields: Vec<types::Field>) -> Result<Schema, String> {
    if fields.len() > COLUMNS {
        return Err(format!("its output has {} columns; the limit is {COLUMNS}", fields.len()));
    }
    let mut schema = Schema::default();
    for field in fields {
        if field.name.len() > COLUMN_NAME || field.name.contains(is_unprintable) {
            return Err(format!("a column's name has at most {COLUMN_NAME} bytes and no control characters"));
        }
        if field.name.is_empty() || field.name == TIME || schema.find(&field.name).is_some() {
            return Err(format!("its output has a column `{}`, which is empty, taken or twice there", field.name));
        }
        schema.fields.push(Field::new(field.name, ty(field.ty)));
    }
    Ok(schema)
}

pub fn arguments(arguments: &[(&str, &str)]) -> Vec<types::Argument> {
    let argument = |(name, value): &(&str, &str)| types::Argument { name: (*name).into(), value: (*value).into() };
    arguments.iter().map(argument).collect()
}

pub fn signature(component: &str, kind: Kind, signature: types::Signature) -> Signature {
    Signature {
        component: component.into(),
        name: signature.name,
        kind,
        doc: signature.doc,
        example: signature.example,
        min_inputs: signature.min_inputs as usize,
        max_inputs: signature.max_inputs.map(|most| most as usize),
        parameters: signature.parameters.into_iter().map(parameter).collect(),
        key: signature.key,
        state_written: signature.state_written,
        state_read: signature.state_read,
    }
}

fn parameter(parameter: types::Parameter) -> Parameter {
    Parameter {
        name: parameter.name,
        kind: match parameter.kind {
            types::ParameterKind::Duration => ParameterKind::Duration,
            types::ParameterKind::Integer => ParameterKind::Integer,
            types::ParameterKind::Number => ParameterKind::Number,
            types::ParameterKind::Text => ParameterKind::Text,
            types::ParameterKind::Boolean => ParameterKind::Boolean,
            types::ParameterKind::Column => ParameterKind::Column,
            types::ParameterKind::Columns => ParameterKind::Columns,
            types::ParameterKind::Scalar => ParameterKind::Scalar,
            types::ParameterKind::Predicate => ParameterKind::Predicate,
            types::ParameterKind::Projection => ParameterKind::Projection,
            types::ParameterKind::Match => ParameterKind::Match,
        },
        required: parameter.required,
        positional: parameter.positional,
        repeated: parameter.repeated,
        default: parameter.default,
        doc: parameter.doc,
    }
}
