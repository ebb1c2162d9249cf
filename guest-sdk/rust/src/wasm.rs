//! The worlds of `wit/` as exports: conversions between their types and the SDK's, around the one running instance.
//!
//! Only in components. The bindings' export macros are used by [`export_aggregates!`](crate::export_aggregates!) and
//! [`export_transforms!`](crate::export_transforms!), whichever a crate calls; the other world is left out of the component.

use std::cell::RefCell;

use crate::component::{AggregateInstance, Aggregates, Emitted, Signature, TransformInstance, Transforms};
use crate::host::Level;
use crate::{Field, Lookback, ParameterKind, Schema, Timestamp, Type};

#[doc(hidden)]
#[allow(missing_docs)]
pub mod aggregate {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "aggregate",
        pub_export_macro: true,
        export_macro_name: "export_aggregate",
        default_bindings_module: "dag_guest::wasm::aggregate",
    });
}

#[doc(hidden)]
#[allow(missing_docs)]
pub mod transform {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "transform",
        pub_export_macro: true,
        export_macro_name: "export_transform",
        default_bindings_module: "dag_guest::wasm::transform",
        with: {
            "dag:operator/host@0.1.0": crate::wasm::aggregate::dag::operator::host,
            "dag:operator/types@0.1.0": crate::wasm::aggregate::dag::operator::types,
        },
    });
}

use aggregate::dag::operator::{host, types};
use aggregate::exports::dag::operator::aggregating;
use transform::exports::dag::operator::transforming;

/// A line in the node's log.
pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    host::log(level, message);
}

/// Sixty-four bits from the host's generator.
pub(crate) fn random() -> u64 {
    host::random()
}

thread_local! {
    static AGGREGATE: RefCell<Option<AggregateInstance>> = const { RefCell::new(None) };
    static TRANSFORM: RefCell<Option<TransformInstance>> = const { RefCell::new(None) };
}

/// A trap carries no text, so a panic's message goes to the log before it.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
}

/// Calls the bound aggregate.
fn with_aggregate<T>(call: impl FnOnce(&mut AggregateInstance) -> Result<T, String>) -> Result<T, String> {
    AGGREGATE.with_borrow_mut(|instance| call(instance.as_mut().ok_or("bind was not called")?))
}

/// Calls the open transform.
fn with_transform<T>(call: impl FnOnce(&mut TransformInstance) -> Result<T, String>) -> Result<T, String> {
    TRANSFORM.with_borrow_mut(|instance| call(instance.as_mut().ok_or("open was not called")?))
}

impl<C: Aggregates> aggregating::Guest for C {
    fn describe() -> types::Description {
        log_panics();
        let operators = C::entries().iter().map(|entry| signature(entry.signature())).collect();
        types::Description { name: C::NAME.to_owned(), version: C::VERSION.to_owned(), operators }
    }

    fn bind(
        operator: String,
        arguments: Vec<types::Argument>,
        schema: types::Schema,
    ) -> Result<aggregating::Binding, String> {
        log_panics();
        let bound = AggregateInstance::bind(&C::entries(), &operator, &arguments_of(arguments), &schema_of(schema))?;
        let (instance, binding) = bound;
        AGGREGATE.set(Some(instance));
        let result = column_type(binding.result);
        Ok(aggregating::Binding { result, columns: binding.columns, lookback: lookback(binding.lookback) })
    }

    fn update(frame: Vec<u8>) -> Result<(), String> {
        with_aggregate(|instance| instance.update(&frame))
    }

    fn combine(frame: Vec<u8>) -> Result<(), String> {
        with_aggregate(|instance| instance.combine(&frame))
    }

    fn state(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        with_aggregate(|instance| instance.state(&frame))
    }

    fn merge(frame: Vec<u8>) -> Result<(), String> {
        with_aggregate(|instance| instance.merge(&frame))
    }

    fn scan(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        with_aggregate(|instance| instance.scan(&frame))
    }

    fn finish(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        with_aggregate(|instance| instance.finish(&frame))
    }

    fn clear(frame: Vec<u8>) -> Result<(), String> {
        with_aggregate(|instance| instance.clear(&frame))
    }
}

impl<C: Transforms> transforming::Guest for C {
    fn describe() -> types::Description {
        log_panics();
        let operators = C::entries().iter().map(|entry| signature(entry.signature())).collect();
        types::Description { name: C::NAME.to_owned(), version: C::VERSION.to_owned(), operators }
    }

    fn open(
        operator: String,
        arguments: Vec<types::Argument>,
        inputs: Vec<types::Input>,
    ) -> Result<transforming::Opening, String> {
        log_panics();
        let input = |input: types::Input| crate::Input { alias: input.alias, schema: schema_of(input.schema) };
        let inputs: Vec<_> = inputs.into_iter().map(input).collect();
        let (instance, opening) = TransformInstance::open(&C::entries(), &operator, &arguments_of(arguments), &inputs)?;
        TRANSFORM.set(Some(instance));
        let field = |field: &Field| types::Field { name: field.name.clone(), ty: column_type(field.ty) };
        Ok(transforming::Opening {
            schema: opening.schema.fields.iter().map(field).collect(),
            order: match opening.order {
                crate::Order::Log => transforming::Order::Log,
                crate::Order::Time => transforming::Order::Time,
            },
            lookback: lookback(opening.lookback),
        })
    }

    fn process(frames: Vec<Vec<u8>>, order: Vec<u8>) -> Result<transforming::Output, String> {
        with_transform(|instance| instance.process(&frames, &order)).map(output)
    }

    fn advance(frontier: Option<i64>) -> Result<transforming::Output, String> {
        with_transform(|instance| instance.advance(frontier.map(Timestamp))).map(output)
    }

    fn snapshot() -> Result<Vec<Vec<u8>>, String> {
        with_transform(|instance| instance.snapshot())
    }

    fn restore(version: u32, chunks: Vec<Vec<u8>>) -> Result<(), String> {
        with_transform(|instance| instance.restore(version, &chunks))
    }
}

fn output(emitted: Emitted) -> transforming::Output {
    transforming::Output { frame: emitted.frame, hold: emitted.hold.map(|time| time.0), more: emitted.more }
}

fn arguments_of(arguments: Vec<types::Argument>) -> Vec<(String, String)> {
    arguments.into_iter().map(|argument| (argument.name, argument.value)).collect()
}

fn schema_of(schema: types::Schema) -> Schema {
    Schema::new(schema.into_iter().map(|field| Field::new(field.name, type_of(field.ty))).collect())
}

fn type_of(ty: types::ColumnType) -> Type {
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

fn lookback(lookback: Lookback) -> types::Lookback {
    match lookback {
        Lookback::None => types::Lookback::None,
        Lookback::Duration(ns) => types::Lookback::Duration(ns),
        Lookback::Unbounded => types::Lookback::Unbounded,
    }
}

fn signature(signature: Signature) -> types::Signature {
    let parameter = |parameter: crate::Parameter| types::Parameter {
        name: parameter.name,
        kind: parameter_kind(parameter.kind),
        required: parameter.required,
        positional: parameter.positional,
        repeated: parameter.repeated,
        default: parameter.default,
        doc: parameter.doc,
    };
    types::Signature {
        name: signature.about.name.to_owned(),
        doc: signature.about.doc.to_owned(),
        example: signature.about.example.to_owned(),
        min_inputs: signature.min_inputs,
        max_inputs: signature.max_inputs,
        parameters: signature.parameters.into_iter().map(parameter).collect(),
        key: signature.key.map(str::to_owned),
        state_written: signature.state_written,
        state_read: signature.state_read.to_vec(),
    }
}

fn parameter_kind(kind: ParameterKind) -> types::ParameterKind {
    match kind {
        ParameterKind::Duration => types::ParameterKind::Duration,
        ParameterKind::Integer => types::ParameterKind::Integer,
        ParameterKind::Number => types::ParameterKind::Number,
        ParameterKind::Text => types::ParameterKind::Text,
        ParameterKind::Boolean => types::ParameterKind::Boolean,
        ParameterKind::Column => types::ParameterKind::Column,
        ParameterKind::Columns => types::ParameterKind::Columns,
        ParameterKind::Scalar => types::ParameterKind::Scalar,
        ParameterKind::Predicate => types::ParameterKind::Predicate,
        ParameterKind::Projection => types::ParameterKind::Projection,
        ParameterKind::Match => types::ParameterKind::Match,
    }
}
