//! A catalog of the standard operators and a few sources, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use dag_expr::{Application, Catalog, Kind, Parameter, ParameterKind, Signature};
use dag_frame::{Field, Schema, Type};

pub struct Standard {
    pub sources: BTreeMap<String, Schema>,
    pub signatures: Vec<Arc<Signature>>,
}

impl Catalog for Standard {
    fn source(&self, name: &str) -> Option<Schema> {
        self.sources.get(name).cloned()
    }

    /// All but streams of `delta` pass records over.
    fn errors(&self, name: &str) -> Option<Schema> {
        (!name.starts_with("errors(delta(")).then(numeric)
    }

    fn operator(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        let wanted = |signature: &&Arc<Signature>| {
            signature.name == name && component.is_none_or(|component| component == signature.component)
        };
        self.signatures.iter().find(wanted).cloned()
    }

    fn sources(&self) -> Vec<String> {
        self.sources.keys().cloned().collect()
    }

    fn operators(&self) -> Vec<String> {
        self.signatures.iter().map(|signature| signature.name.clone()).collect()
    }

    /// Aggregates give their key columns and `value`, joins the columns of both sides, others those of their input.
    fn output(&self, application: &Application) -> Result<Schema, String> {
        let mut fields = application.inputs[0].stream.schema().fields.clone();
        if application.kind == Kind::Aggregate {
            fields.retain(|field| application.by.contains(&field.name));
            fields.push(Field::new("value", Type::Float64));
        } else if application.operator == "join" {
            let other = &application.inputs[1].stream.schema().fields;
            let new: Vec<Field> = other.iter().filter(|field| !fields.contains(field)).cloned().collect();
            fields.extend(new);
        } else if application.operator == "refuse" {
            return Err("it does as it says".to_owned());
        }
        Ok(Schema::new(fields))
    }
}

pub fn parameter(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        name: name.to_owned(),
        kind,
        required: false,
        positional: false,
        repeated: false,
        default: None,
        doc: "What it is.".to_owned(),
    }
}

pub fn required(name: &str, kind: ParameterKind) -> Parameter {
    Parameter { required: true, ..parameter(name, kind) }
}

pub fn positional(name: &str, kind: ParameterKind) -> Parameter {
    Parameter { positional: true, ..required(name, kind) }
}

pub fn default(name: &str, kind: ParameterKind, text: &str) -> Parameter {
    Parameter { default: Some(text.to_owned()), ..parameter(name, kind) }
}

pub fn signature(kind: Kind, name: &str, inputs: (usize, Option<usize>), parameters: Vec<Parameter>) -> Signature {
    Signature {
        component: "standard".to_owned(),
        name: name.to_owned(),
        kind,
        doc: "What it does.".to_owned(),
        example: format!("{name}(cpu_util)"),
        min_inputs: inputs.0,
        max_inputs: inputs.1,
        parameters,
        key: None,
        state_written: 1,
        state_read: vec![1],
    }
}

fn numeric() -> Schema {
    Schema::new(vec![Field::new("value", Type::Float64), Field::new("host", Type::Utf8)])
}

pub fn standard() -> Standard {
    use ParameterKind::{Column, Columns, Duration, Integer, Match, Number, Predicate, Projection, Text};
    let wide = Schema::new(vec![
        Field::new("value", Type::Float64),
        Field::new("host", Type::Utf8),
        Field::new("zone", Type::Utf8),
        Field::new("node", Type::Utf8),
        Field::new("times", Type::Int64),
        Field::new("ok", Type::Boolean),
        Field::new("cpu-util", Type::Float64),
    ]);
    let mut sources: BTreeMap<String, Schema> =
        ["cpu", "mem", "prod.cpu", "cpu-util", "5d", "late", "x", "y"].map(|name| (name.to_owned(), numeric())).into();
    sources.insert("cpu_util".to_owned(), wide);
    sources.insert("bare".to_owned(), Schema::new(vec![Field::new("load", Type::Int64)]));

    let one = (1, Some(1));
    let of = || default("of", Column, "value");
    let by = || parameter("by", Columns);
    let aggregate = |name, parameters| signature(Kind::Aggregate, name, one, parameters);
    let transform = |name, parameters| signature(Kind::Transform, name, one, parameters);
    let quantile = Parameter { required: false, default: Some("0.5".to_owned()), ..positional("q", Number) };
    let optional = |name, kind| Parameter { positional: true, ..parameter(name, kind) };
    let mut projections = positional("columns", Projection);
    projections.repeated = true;
    let signatures = vec![
        aggregate("avg", vec![of()]),
        aggregate("max", vec![of()]),
        aggregate("sum", vec![of()]),
        aggregate("count", vec![]),
        aggregate("quantile", vec![quantile, of()]),
        transform("filter", vec![positional("where", Predicate)]),
        transform("map", vec![projections]),
        signature(Kind::Transform, "union", (2, Some(64)), vec![]),
        signature(Kind::Transform, "join", (2, Some(2)), vec![required("on", Match), parameter("within", Duration)]),
        transform("above", vec![positional("limit", Number), default("times", Integer, "1"), of(), by()]),
        transform("delta", vec![of(), by()]),
        transform("label", vec![optional("text", Text), optional("count", Integer)]),
        transform("refuse", vec![]),
        Signature { component: "other".to_owned(), ..aggregate("avg", vec![of()]) },
        Signature { component: "my-component".to_owned(), ..aggregate("median", vec![of()]) },
    ];
    for signature in &signatures {
        signature.check().unwrap();
    }
    Standard { sources, signatures: signatures.into_iter().map(Arc::new).collect() }
}
