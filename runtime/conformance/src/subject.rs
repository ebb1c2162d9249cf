//! What an operator is tried with: inputs and arguments that its own example asks for.

use std::sync::Arc;

use dag_expr::argument;
use dag_expr::{Application, Catalog, Kind, Signature, Stream, TIME, bind};
use dag_frame::{Column, Field, Schema, Type};
use dag_model::Order;
use dag_wasm::{Component, InstanceOptions};

use crate::case::Record;
use crate::chance::Chance;

/// The seed of every instance's generator, as an incarnation's is.
const SEED: u64 = 0x6461_6721;

/// An operator, and what it is given.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub operator: String,
    /// Its world.
    pub kind: Kind,
    /// What each input's records have besides their time.
    pub inputs: Vec<Schema>,
    /// By which names expressions know the inputs.
    pub aliases: Vec<String>,
    /// Canonical text by name, defaults filled in.
    pub arguments: Vec<(String, String)>,
    /// The columns that make up the key.
    pub key: Vec<String>,
    /// Whether records of different keys do not meet.
    pub is_keyed: bool,
    /// Which version of its state it writes.
    pub state_written: u32,
    /// For a transform: in which order it wants its records.
    pub order: Order,
    /// For an aggregate: the type of its result, and which columns it wants.
    pub binding: Option<(Type, Vec<usize>)>,
}

impl Subject {
    /// What the operator's example says, over columns of types that it takes.
    ///
    /// # Errors
    /// If no columns could be found that it takes.
    pub fn find(component: &Component, signature: &Signature) -> Result<Subject, String> {
        let example = match signature.example.as_str() {
            "" => format!("{}(x)", signature.name),
            example => example.to_owned(),
        };
        let mut first = None;
        for value in [Type::Float64, Type::Int64, Type::Utf8, Type::Boolean, Type::Timestamp, Type::Binary] {
            for other in [Type::Utf8, Type::Float64, Type::Int64] {
                match Subject::over(component, signature, &example, &columns(signature, &example, value, other)) {
                    Ok(subject) => return Ok(subject),
                    Err(why) => drop(first.get_or_insert(why)),
                }
            }
        }
        let why = first.unwrap_or_default();
        Err(format!("its example `{example}` cannot be tried over records that are made up: {why}"))
    }

    fn over(component: &Component, signature: &Signature, example: &str, schema: &Schema) -> Result<Subject, String> {
        let catalog = Made { signature: Arc::new(signature.clone()), schema: schema.clone() };
        let Stream::Apply(application) = bind(example, &catalog).map_err(|error| error.message)? else {
            return Err("it applies no operator".to_owned());
        };
        let Application { inputs, arguments, by, kind, .. } = *application;
        let arguments: Vec<_> = arguments.into_iter().map(|argument| (argument.name, argument.value)).collect();
        let named = |name: &String| arguments.iter().find(|(given, _)| given == name);
        let key = match (kind, signature.key.as_ref().and_then(named)) {
            (Kind::Aggregate, _) => by,
            (Kind::Transform, Some((_, columns))) => argument::columns(columns).map_err(|error| error.message)?,
            (Kind::Transform, None) => Vec::new(),
        };
        let mut subject = Subject {
            operator: signature.name.clone(),
            kind,
            inputs: inputs.iter().map(|_| schema.clone()).collect(),
            aliases: inputs.into_iter().map(|input| input.alias).collect(),
            arguments,
            is_keyed: !key.is_empty(),
            key,
            state_written: signature.state_written,
            order: Order::Time,
            binding: None,
        };
        let failed = |error: dag_wasm::CallError| error.to_string();
        match kind {
            Kind::Aggregate => {
                let mut instance = component.aggregate(subject.options()).map_err(failed)?;
                let binding = instance.bind(&subject.operator, &subject.arguments(), schema).map_err(failed)?;
                subject.binding = Some((binding.result, binding.columns));
            }
            Kind::Transform => {
                let mut instance = component.transform(subject.options()).map_err(failed)?;
                let opening =
                    instance.open(&subject.operator, &subject.arguments(), &subject.streams()).map_err(failed)?;
                subject.order = opening.order;
            }
        }
        Ok(subject)
    }

    /// The arguments as instances take them.
    pub fn arguments(&self) -> Vec<(&str, &str)> {
        self.arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The inputs as transforms take them.
    pub fn streams(&self) -> Vec<(&str, &Schema)> {
        self.aliases.iter().map(String::as_str).zip(&self.inputs).collect()
    }

    /// How each instance begins.
    pub fn options(&self) -> InstanceOptions {
        InstanceOptions { label: self.operator.clone(), random: SEED, ..InstanceOptions::default() }
    }

    /// A record's value in a column of its input: one row. Key columns have the record's key in their type, others something at random, or nothing.
    pub fn value(&self, record: &Record, column: usize) -> Column {
        let field = &self.inputs[record.input].fields[column];
        let mut chance = Chance(record.seed ^ (column as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let is_key = self.key.contains(&field.name);
        let number = if is_key { record.key as i64 } else { chance.below(200) as i64 };
        if !is_key && chance.once_in(8) {
            return Column::nulls(field.ty, 1);
        }
        match field.ty {
            Type::Boolean => Column::boolean([Some(number % 2 == 0)]),
            Type::Int64 => Column::int64([Some(if is_key { number } else { number - 100 })]),
            Type::Timestamp => Column::timestamp([Some(number * 1_000_000_000)]),
            Type::Float64 if is_key => Column::float64([Some(number as f64)]),
            // Tenths have no exact form, so that a sum in another order is another sum.
            Type::Float64 => Column::float64([Some((number - 100) as f64 * 0.1)]),
            Type::Utf8 => Column::utf8([Some(["web1", "żółw", "", "db"][number as usize % 4])]),
            Type::Binary => Column::binary([Some([number as u8])]),
        }
    }
}

/// Names in an example that are no columns: an aggregate's parameters that the host has for it.
const HOSTS: [&str; 4] = ["every", "offset", "session", "by"];

/// Columns for whatever the example could name: `value` of one type, all other names in it of another.
fn columns(signature: &Signature, example: &str, value: Type, other: Type) -> Schema {
    let mut fields = vec![Field::new("value", value)];
    let empty = Made { signature: Arc::new(signature.clone()), schema: Schema::new(Vec::new()) };
    let streams = dag_expr::names(example, &empty).unwrap_or_default();
    let word = |character: char| !character.is_ascii_alphanumeric() && character != '_';
    for name in example.split(word) {
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let is_known = name == signature.name || HOSTS.contains(&name) || streams.iter().any(|stream| stream == name);
        let is_known = is_known || signature.parameters.iter().any(|parameter| parameter.name == name);
        if is_name && !is_known && name != TIME && fields.iter().all(|field| field.name != name) {
            fields.push(Field::new(name, other));
        }
    }
    Schema::new(fields)
}

/// A catalog in which every name is a stream of made-up records.
struct Made {
    signature: Arc<Signature>,
    schema: Schema,
}

impl Catalog for Made {
    fn source(&self, _: &str) -> Option<Schema> {
        Some(self.schema.clone())
    }

    fn errors(&self, _: &str) -> Option<Schema> {
        None
    }

    fn operator(&self, _: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        (name == self.signature.name).then(|| Arc::clone(&self.signature))
    }

    fn sources(&self) -> Vec<String> {
        Vec::new()
    }

    fn operators(&self) -> Vec<String> {
        vec![self.signature.name.clone()]
    }

    fn output(&self, _: &Application) -> Result<Schema, String> {
        Ok(self.schema.clone())
    }
}
