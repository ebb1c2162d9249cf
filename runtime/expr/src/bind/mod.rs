//! Binding: what an expression means in a catalog of streams and operators.
//!
//! This file tells streams apart; `call` gives arguments to parameters, `parameter` reads one argument, `window` the
//! parameters that every aggregate has, and `application` puts an operator's application together.

mod application;
pub(crate) mod call;
pub(crate) mod parameter;
pub(crate) mod window;

use std::cell::Cell;

use crate::argument::found;
use crate::error::{Error, ErrorKind, Span};
use crate::scalar::is_function;
use crate::stream::{Catalog, Stream, errors_of};
use crate::syntax::ast::{Argument, Expr, Ident, Node};
use crate::syntax::name::{Quoted, near_help};
use crate::syntax::parser::parse;

/// The stream that `text` names.
///
/// # Errors
/// Where the text departs from the grammar, names a stream, operator or column that is not there, or gives an operator what it does
/// not take, or applies more than [`MAX_APPLICATIONS`] of them. [`ErrorKind`] tells a stream or operator that may still come.
pub fn bind(text: &str, catalog: &dyn Catalog) -> Result<Stream, Error> {
    Binder { catalog, applications: &Cell::new(0) }.stream(&parse(text)?)
}

/// How many operators one expression may apply: each is asked while it is bound, and computed once somebody subscribes.
pub const MAX_APPLICATIONS: usize = 100;

#[derive(Clone, Copy)]
struct Binder<'c> {
    catalog: &'c dyn Catalog,
    /// How many operators have been applied.
    applications: &'c Cell<usize>,
}

impl Binder<'_> {
    fn stream(self, expr: &Expr) -> Result<Stream, Error> {
        match &expr.node {
            Node::Name(name) => self.source(name, &expr.span),
            Node::Call { name, arguments } => match name.text.as_str() {
                "late" => self.late(name, arguments),
                "errors" => self.errors(name, arguments),
                _ => self.application(name, arguments),
            },
            Node::Paren(inner) => self.stream(inner),
            _ => Err(self.no_stream(expr)),
        }
    }

    fn source(self, name: &str, span: &Span) -> Result<Stream, Error> {
        match self.catalog.source(name) {
            Some(schema) => Ok(Stream::Source { name: name.to_owned(), schema }),
            None => Err(self.unknown_stream(name, span)),
        }
    }

    /// `late(source)`
    fn late(self, name: &Ident, arguments: &[Argument]) -> Result<Stream, Error> {
        let [Argument { name: None, value, alias: None, .. }] = arguments else {
            return Err(Error::new(name.span.clone(), "late(...) takes one source stream and nothing else"));
        };
        match self.stream(value)? {
            Stream::Source { name, schema } => Ok(Stream::Late { name, schema }),
            _ => Err(Error::new(value.span.clone(), "only a source has late records")
                .help("what comes too late is sorted out where it is published")),
        }
    }

    /// `errors(derived)`
    fn errors(self, name: &Ident, arguments: &[Argument]) -> Result<Stream, Error> {
        let [Argument { name: None, value, alias: None, .. }] = arguments else {
            return Err(Error::new(name.span.clone(), "errors(...) takes one derived stream and nothing else"));
        };
        let stream = self.stream(value)?;
        if stream.source().is_some() {
            return Err(Error::new(value.span.clone(), "only a derived stream passes records over")
                .help("what a source does not take is refused, and its publisher told"));
        }
        let errors = errors_of(&stream.to_string());
        match self.catalog.errors(&errors) {
            Some(schema) => Ok(Stream::Errors { name: errors, schema }),
            None => Err(Error::new(
                name.span.clone(),
                format!("`{stream}` stops at a record that its operator cannot take, and passes none over"),
            )
            .kind(ErrorKind::UnknownStream(errors.clone()))
            .help(format!("`dag alter \"{stream}\" --on-error skip` passes it over and keeps it in {errors}"))),
        }
    }

    fn unknown_stream(self, name: &str, span: &Span) -> Error {
        let message = format!("there is no stream `{}`", Quoted(name));
        let error = Error::new(span.clone(), message).kind(ErrorKind::UnknownStream(name.to_owned()));
        let sources = self.catalog.sources();
        if self.catalog.operators().iter().any(|operator| operator == name) {
            return error.help(format!("an operator is applied to streams: {name}(...)"));
        }
        match near_help(name, sources.iter().map(String::as_str)) {
            Some(help) => error.help(help),
            None => error,
        }
    }

    /// What `expr` is instead of a stream.
    fn no_stream(self, expr: &Expr) -> Error {
        let error = Error::new(expr.span.clone(), format!("expected a stream, found {}", found(&expr.node)));
        if let Some(name) = expr.dashed() {
            return error.help(format!("a name with a dash goes in double quotes: {}", Quoted(&name)));
        }
        match &expr.node {
            Node::Integer(_) | Node::Float(_) | Node::Duration(_) => {
                error.help("a name that begins with a digit goes in double quotes")
            }
            Node::Text(text) => error.help(format!("single quotes are for text; a name is written {}", Quoted(text))),
            _ => error,
        }
    }
}

/// Says that the catalog has no such operator, and what may have been meant.
pub(crate) fn unknown_operator(catalog: &dyn Catalog, name: &Ident) -> Error {
    let message = format!("there is no operator `{}`", Quoted(&name.text));
    let error = Error::new(name.span.clone(), message).kind(ErrorKind::UnknownOperator(name.text.clone()));
    if is_function(&name.text) {
        return error.help(format!("as a function it goes into one: map(STREAM, {}(...) as name)", name.text));
    }
    let operators = catalog.operators();
    match near_help(&name.text, operators.iter().map(String::as_str)) {
        Some(help) => error.help(help),
        None => error,
    }
}
