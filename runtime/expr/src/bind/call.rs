//! Which argument is for which parameter.

use std::sync::Arc;

use crate::argument::found;
use crate::bind::window;
use crate::error::{Error, Span};
use crate::signature::{Kind, MAX_INPUTS, Parameter, ParameterKind, Signature};
use crate::syntax::ast::{Argument, Ident};
use crate::syntax::name::{Quoted, near_help};

/// The arguments of an application by what they are for.
pub(crate) struct Call<'e> {
    /// The operator's name where it stands.
    pub span: Span,
    /// The input streams.
    pub inputs: Vec<&'e Argument>,
    /// For each of the operator's own parameters its arguments.
    pub own: Vec<Vec<&'e Argument>>,
    /// For an aggregate, the arguments of [`window::PARAMETERS`] in that order.
    pub window: Vec<Option<&'e Argument>>,
}

/// The operator that `name` stands for, by its own name or as `component.operator`, and the component if only that tells it apart.
pub(crate) fn operator(
    name: &str,
    lookup: impl Fn(Option<&str>, &str) -> Option<Arc<Signature>>,
) -> Option<(Option<String>, Arc<Signature>)> {
    if let Some(signature) = lookup(None, name) {
        return Some((None, signature));
    }
    let (component, operator) = name.rsplit_once('.')?;
    let signature = lookup(Some(component), operator)?;
    let unambiguous = lookup(None, operator).is_some_and(|other| other.component == signature.component);
    Some(((!unambiguous).then(|| component.to_owned()), signature))
}

/// Gives each argument to an input or a parameter. Named arguments are those whose names the operator declares; of the others
/// the first ones, as many as the operator takes, are inputs, and the rest go to the positional parameters in their order.
pub(crate) fn assign<'e>(signature: &Signature, name: &Ident, arguments: &'e [Argument]) -> Result<Call<'e>, Error> {
    let windowing: &[&str] = if signature.kind == Kind::Aggregate { &window::PARAMETERS } else { &[] };
    let own = vec![Vec::new(); signature.parameters.len()];
    let mut call = Call { span: name.span.clone(), inputs: Vec::new(), own, window: vec![None; windowing.len()] };
    let mut positional = Vec::new();
    for argument in arguments {
        let declared = argument.name.as_ref().map(|name| name.text.as_str());
        if let Some(index) = signature.parameters.iter().position(|parameter| declared == Some(&parameter.name)) {
            if !call.own[index].is_empty() {
                return Err(twice(argument));
            }
            call.own[index].push(argument);
        } else if let Some(index) = windowing.iter().position(|parameter| declared == Some(parameter)) {
            if call.window[index].replace(argument).is_some() {
                return Err(twice(argument));
            }
        } else {
            positional.push(argument);
        }
    }
    let inputs = signature.max_inputs.unwrap_or(usize::MAX).min(positional.len());
    let rest = positional.split_off(inputs);
    if let Some(misnamed) = positional.iter().find(|input| input.name.is_some()) {
        return Err(undeclared(signature, misnamed));
    }
    if inputs < signature.min_inputs {
        let streams = if signature.min_inputs == 1 { "stream" } else { "streams" };
        let message = format!("{} takes {} {streams}, found {inputs}", signature.name, signature.min_inputs);
        return Err(Error::new(name.span.clone(), message).help(signature.usage()));
    }
    if inputs > MAX_INPUTS {
        let message = format!("{} takes {MAX_INPUTS} streams at most, found {inputs}", signature.name);
        return Err(Error::new(name.span.clone(), message).help("give it what it makes of some of them, as one stream"));
    }
    call.inputs = positional;
    call.assign_positional(signature, rest)?;
    Ok(call)
}

impl<'e> Call<'e> {
    fn assign_positional(&mut self, signature: &Signature, arguments: Vec<&'e Argument>) -> Result<(), Error> {
        let mut arguments = arguments.into_iter().peekable();
        for (parameter, given) in signature.parameters.iter().zip(&mut self.own) {
            if !parameter.positional {
                continue;
            }
            while let Some(argument) = arguments.next_if(|_| parameter.repeated || given.is_empty()) {
                if given.iter().any(|given| given.name.as_ref().is_some_and(|name| name.text == parameter.name)) {
                    return Err(twice(argument));
                }
                check_misnamed(signature, parameter, argument)?;
                given.push(argument);
            }
        }
        // Looked for first: an argument is taken only where there is a place for it.
        if let Some(window) = self.window.first_mut().filter(|window| window.is_none())
            && let Some(argument) = arguments.next_if(|argument| argument.name.is_none())
        {
            *window = Some(argument);
        }
        match arguments.next() {
            None => Ok(()),
            Some(argument) if argument.name.is_some() => Err(undeclared(signature, argument)),
            Some(argument) => {
                let message =
                    format!("{} takes no argument here, found {}", signature.name, found(&argument.value.node));
                Err(Error::new(argument.span.clone(), message).help(signature.usage()))
            }
        }
    }
}

/// Where a parameter takes no condition, `name = value` is meant as a named argument.
fn check_misnamed(signature: &Signature, parameter: &Parameter, argument: &Argument) -> Result<(), Error> {
    use ParameterKind::{Match, Predicate, Projection, Scalar};
    match parameter.kind {
        Match | Predicate | Projection | Scalar => Ok(()),
        _ if argument.name.is_some() => Err(undeclared(signature, argument)),
        _ => Ok(()),
    }
}

fn twice(argument: &Argument) -> Error {
    let name = argument.name.as_ref().map_or("this", |name| &name.text);
    Error::new(argument.span.clone(), format!("`{name}` is given twice"))
}

/// `name = value` where the operator declares no such name.
fn undeclared(signature: &Signature, argument: &Argument) -> Error {
    let name = argument.name.as_ref().expect("called for named arguments");
    let message = format!("{} has no parameter `{}`", signature.name, Quoted(&name.text));
    let windowing: &[&str] = if signature.kind == Kind::Aggregate { &window::PARAMETERS } else { &[] };
    let own = signature.parameters.iter().map(|parameter| parameter.name.as_str());
    let near = near_help(&name.text, own.chain(windowing.iter().copied()));
    Error::new(name.span.clone(), message).help(near.unwrap_or_else(|| signature.usage()))
}
