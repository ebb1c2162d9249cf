//! The streams that an expression names, before there is anything to bind them to.

use crate::bind::call::{assign, operator};
use crate::bind::unknown_operator;
use crate::error::Error;
use crate::stream::Catalog;
use crate::syntax::ast::{Expr, Node};
use crate::syntax::parser::parse;

/// The names of source streams in `text`, each once, in the order in which they appear.
///
/// Only operators tell streams from columns: what stands where an operator of the catalog takes its inputs is a stream, as is the
/// whole expression and the argument of `late` or `errors`. Everything else is an argument and names no stream.
///
/// # Errors
/// Where the text departs from the grammar, an operator is unknown or is given what it does not declare, or something that is no
/// stream stands where one belongs.
pub fn names(text: &str, catalog: &dyn Catalog) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    collect(&parse(text)?, catalog, &mut names)?;
    Ok(names)
}

fn collect(expr: &Expr, catalog: &dyn Catalog, names: &mut Vec<String>) -> Result<(), Error> {
    match &expr.bare().node {
        Node::Name(name) => {
            if !names.contains(name) {
                names.push(name.clone());
            }
            Ok(())
        }
        Node::Call { name, arguments } if matches!(name.text.as_str(), "late" | "errors") => {
            arguments.iter().try_for_each(|argument| collect(&argument.value, catalog, names))
        }
        Node::Call { name, arguments } => {
            let lookup = |component: Option<&str>, name: &str| catalog.operator(component, name);
            let Some((_, signature)) = operator(&name.text, lookup) else {
                return Err(unknown_operator(catalog, name));
            };
            let call = assign(&signature, name, arguments)?;
            call.inputs.iter().try_for_each(|input| collect(&input.value, catalog, names))
        }
        node => {
            let message = format!("expected a stream, found {}", crate::argument::found(node));
            Err(Error::new(expr.span.clone(), message))
        }
    }
}
