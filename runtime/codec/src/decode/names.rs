//! Which column of the batch a name in a body means.

use std::cell::OnceCell;
use std::collections::HashMap;

use dag_model::{Schema, TIME};

use crate::refusal::{columns_of, either, list, told};
use crate::{BodyError, MAX_COLUMNS, TimeColumn};

/// The names that a body may use. Column 0 is the time.
pub(crate) struct Names<'a> {
    schema: &'a Schema,
    /// None if no column is looked for.
    time_names: Vec<&'a str>,
    columns: HashMap<&'a str, usize>,
    /// The stream's columns in words, once they have been told.
    expected: OnceCell<String>,
}

impl<'a> Names<'a> {
    pub fn new(schema: &'a Schema, time: &'a TimeColumn) -> Names<'a> {
        let time_names: Vec<&str> = time.names(schema).collect();
        let fields = schema.fields.iter().enumerate().map(|(index, field)| (field.name.as_str(), index + 1));
        let columns = fields.chain(time_names.iter().map(|name| (*name, 0))).collect();
        Names { schema, time_names, columns, expected: OnceCell::new() }
    }

    /// The column of that name. `guess` is the one that it probably is.
    pub fn find(&self, name: &str, guess: usize) -> Option<usize> {
        let guessed = guess.checked_sub(1).and_then(|index| self.schema.fields.get(index));
        match guessed {
            Some(field) if field.name == name => Some(guess),
            _ => self.columns.get(name).copied(),
        }
    }

    /// A column's name.
    pub fn name(&self, column: usize) -> &str {
        column.checked_sub(1).map_or(TIME, |index| &self.schema.fields[index].name)
    }

    /// For each column of a body its column of the batch.
    pub fn resolve(&self, found: &[&str]) -> Result<Vec<usize>, BodyError> {
        if found.len() > MAX_COLUMNS {
            return Err(BodyError::TooManyColumns { found: found.len() });
        }
        let mut first_uses = vec![None; self.schema.fields.len() + 1];
        let mut resolved = Vec::with_capacity(found.len());
        for &name in found {
            let unknown = || BodyError::UnknownColumn { column: told(name), expected: columns_of(self.schema) };
            let column = self.find(name, resolved.len()).ok_or_else(unknown)?;
            match first_uses[column].replace(name) {
                Some(first) if first != name => {
                    return Err(BodyError::TwoTimes { first: told(first), second: told(name) });
                }
                Some(_) => return Err(BodyError::RepeatedColumn { column: told(name) }),
                None => resolved.push(column),
            }
        }
        if first_uses[0].is_none() && !self.time_names.is_empty() {
            let found = list(found.iter().copied());
            return Err(BodyError::NoTime { expected: self.times(), found });
        }
        Ok(resolved)
    }

    /// The stream's columns in words.
    pub fn expected(&self) -> &str {
        self.expected.get_or_init(|| columns_of(self.schema))
    }

    /// The names of the time in words.
    pub fn times(&self) -> String {
        either(&self.time_names)
    }
}
