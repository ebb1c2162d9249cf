//! The canonical form of streams: inputs, positional arguments, then named ones in declared order, defaults left out.
//!
//! Binding it gives the same stream again, and two texts with one canonical form are one stream.

use std::fmt::{self, Display, Formatter};

use crate::bind::parameter::canonical_columns;
use crate::stream::{Application, Argument, Input, Stream, Window};
use crate::syntax::ast::Node;
use crate::syntax::duration;
use crate::syntax::name::Quoted;
use crate::syntax::parser::parse_argument;

impl Display for Stream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stream::Source { name, .. } => Quoted(name).fmt(f),
            Stream::Late { name, .. } => write!(f, "late({})", Quoted(name)),
            Stream::Errors { name, .. } => f.write_str(name),
            Stream::Apply(application) => application.fmt(f),
        }
    }
}

impl Display for Input {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)?;
        if self.named { write!(f, " as {}", Quoted(&self.alias)) } else { Ok(()) }
    }
}

impl Display for Application {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (size, windowing) = self.window.map_or((None, Vec::new()), window_arguments);
        let (positional, named): (Vec<&Argument>, Vec<&Argument>) =
            self.arguments.iter().partition(|argument| argument.positional);
        // A default is left out, unless arguments behind it would move into its place.
        let shown = match size {
            Some(_) => positional.len(),
            None => positional.iter().rposition(|argument| !argument.default).map_or(0, |last| last + 1),
        };
        let mut parts: Vec<String> = self.inputs.iter().map(Input::to_string).collect();
        parts.extend(positional[..shown].iter().map(|argument| argument.value.clone()));
        parts.extend(size);
        parts.extend(named.into_iter().filter(|argument| !argument.default).map(named_argument));
        parts.extend(windowing);
        if !self.by.is_empty() {
            parts.push(format!("by={}", canonical_columns(&self.by)));
        }
        if let Some(component) = &self.component {
            write!(f, "{}.", Quoted(component))?;
        }
        write!(f, "{}({})", Quoted(&self.operator), parts.join(","))
    }
}

/// The window's length, and the named arguments that say the rest.
fn window_arguments(window: Window) -> (Option<String>, Vec<String>) {
    match window {
        Window::Running => (None, Vec::new()),
        Window::Session { gap } => (None, vec![format!("session={}", duration::canonical(gap))]),
        Window::Hopping { size, every, offset } => {
            let every = (every != size).then(|| format!("every={}", duration::canonical(every)));
            let offset = (offset != 0).then(|| format!("offset={}", duration::canonical(offset)));
            (Some(duration::canonical(size)), every.into_iter().chain(offset).collect())
        }
    }
}

/// `name=value`, a condition in parentheses.
fn named_argument(argument: &Argument) -> String {
    let Argument { name, value, .. } = argument;
    let condition = parse_argument(value).is_ok_and(|written| {
        written.alias.is_none()
            && match written.value.node {
                Node::Binary(op, _) => op.is_comparison(),
                Node::Not(_) | Node::And(_) | Node::Or(_) => true,
                Node::Like { .. } | Node::Between { .. } | Node::In { .. } | Node::IsNull { .. } => true,
                _ => false,
            }
    });
    if condition { format!("{name}=({value})") } else { format!("{name}={value}") }
}
