//! What every operator says of itself, whichever world it is written for.

use crate::Schema;

/// What any call of an operator returns. The error is text for the person who wrote the expression: it names the thing,
/// what was found and what was expected.
pub type Result<T = ()> = std::result::Result<T, String>;

/// A named function from streams to a stream.
pub trait Operator {
    /// How people find it and call it.
    const ABOUT: About;
}

/// How people find an operator and call it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name that expressions use.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// An expression that uses it, such as `avg(cpu_util, 5min)`.
    pub example: &'static str,
}

/// How much earlier than a result its causes may lie. A new computation starts reading that much earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookback {
    /// A record depends on the input records of its own time alone.
    None,
    /// So many nanoseconds.
    Duration(u64),
    /// A record may depend on everything before it.
    Unbounded,
}

/// The index of a column, or an error that names those that there are.
///
/// # Errors
/// If the schema has no such column.
pub fn find_column(schema: &Schema, name: &str) -> Result<usize> {
    schema.find(name).map(|(index, _)| index).ok_or_else(|| {
        let names: Vec<_> = schema.fields.iter().map(|field| field.name.as_str()).collect();
        format!("there is no column `{name}`; the input has {}", list(&names))
    })
}

/// Names as people list them.
fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
