//! The streams that an expression names, before there is anything to bind them to.

use std::sync::Arc;

use crate::bind::call::{assign, operator};
use crate::error::{Error, ErrorKind};
use crate::signature::Signature;
use crate::syntax::ast::{Expr, Node};
use crate::syntax::name::Quoted;
use crate::syntax::parser::parse;

/// Finds an operator by component, where one is named, and name.
pub type Lookup<'l> = dyn Fn(Option<&str>, &str) -> Option<Arc<Signature>> + 'l;

/// The names of source streams in `text`, each once, in the order in which they appear.
///
/// Only operators tell streams from columns: what stands where an operator, looked up by component and name, takes its inputs is a
/// stream, as is the whole expression and the argument of `late`. Everything else is an argument and names no stream.
///
/// # Errors
/// Where the text departs from the grammar, an operator is unknown or is given what it does not declare, or something that is no
/// stream stands where one belongs.
pub fn names(text: &str, operators: &Lookup) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    collect(&parse(text)?, operators, &mut names)?;
    Ok(names)
}

fn collect(expr: &Expr, operators: &Lookup, names: &mut Vec<String>) -> Result<(), Error> {
    match &expr.bare().node {
        Node::Name(name) => {
            if !names.contains(name) {
                names.push(name.clone());
            }
            Ok(())
        }
        Node::Call { name, arguments } if name.text == "late" => {
            arguments.iter().try_for_each(|argument| collect(&argument.value, operators, names))
        }
        Node::Call { name, arguments } => {
            let Some((_, signature)) = operator(&name.text, operators) else {
                let message = format!("there is no operator `{}`", Quoted(&name.text));
                let kind = ErrorKind::UnknownOperator(name.text.clone());
                return Err(Error::new(name.span.clone(), message).kind(kind));
            };
            let call = assign(&signature, name, arguments)?;
            call.inputs.iter().try_for_each(|input| collect(&input.value, operators, names))
        }
        node => {
            let message = format!("expected a stream, found {}", crate::argument::found(node));
            Err(Error::new(expr.span.clone(), message))
        }
    }
}
