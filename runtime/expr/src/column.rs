//! Columns by name.

use dag_frame::Type;

use crate::error::{Error, Span};
use crate::syntax::name::{Quoted, near_help};

/// The index and type of the column called `name`.
///
/// # Errors
/// If there is none, or more than one.
pub(crate) fn find(columns: &[(String, Type)], name: &str, span: &Span) -> Result<(usize, Type), Error> {
    let mut found = columns.iter().enumerate().filter(|(_, (column, _))| column == name);
    let Some((index, (_, ty))) = found.next() else { return Err(unknown(columns, name, span)) };
    match found.next() {
        None => Ok((index, *ty)),
        Some(_) => Err(Error::new(span.clone(), format!("`{}` could be one of several columns", Quoted(name)))
            .help("give the inputs different names with `as`")),
    }
}

fn unknown(columns: &[(String, Type)], name: &str, span: &Span) -> Error {
    let error = Error::new(span.clone(), format!("there is no column `{}`", Quoted(name)));
    let names = columns.iter().map(|(name, _)| name.as_str());
    if let Some(help) = near_help(name, names) {
        return error.help(help);
    }
    // Written in double quotes, as other languages write text.
    if span.len() == name.len() + 2 {
        return error.help(format!("text goes in single quotes: '{name}'"));
    }
    error.help(list(columns))
}

/// "columns are a, b", of the first few.
pub(crate) fn list(columns: &[(String, Type)]) -> String {
    const SHOWN: usize = 12;
    if columns.is_empty() {
        return "it has no columns".to_owned();
    }
    let mut names: Vec<String> = columns.iter().take(SHOWN).map(|(name, _)| Quoted(name).to_string()).collect();
    if columns.len() > SHOWN {
        names.push("...".to_owned());
    }
    format!("columns are {}", names.join(", "))
}
