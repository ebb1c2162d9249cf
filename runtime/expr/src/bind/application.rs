//! An operator applied to streams, put together from its bound inputs and arguments.

use crate::bind::call::{self, Call};
use crate::bind::parameter::Scope;
use crate::bind::window;
use crate::bind::{Binder, MAX_APPLICATIONS, unknown_operator};
use crate::column;
use crate::error::Error;
use crate::signature::{Kind, Parameter, ParameterKind, Signature};
use crate::stream::{Application, Argument, Input, Stream};
use crate::syntax::ast::{Argument as Written, Ident};
use crate::syntax::name::Quoted;
use crate::syntax::parser::parse_argument;

impl Binder<'_> {
    pub(super) fn application(self, name: &Ident, arguments: &[Written]) -> Result<Stream, Error> {
        self.applications.update(|applied| applied + 1);
        if self.applications.get() > MAX_APPLICATIONS {
            let message = format!("an expression applies at most {MAX_APPLICATIONS} operators, and this is one more");
            return Err(Error::new(name.span.clone(), message)
                .help("compute a part of it from a stream that somebody publishes"));
        }
        let found = call::operator(&name.text, |component, name| self.catalog.operator(component, name));
        let (component, signature) = found.ok_or_else(|| unknown_operator(self.catalog, name))?;
        let call = call::assign(&signature, name, arguments)?;
        let inputs = self.inputs(&call)?;
        let windowing: &[&str] = if signature.kind == Kind::Aggregate { &window::PARAMETERS } else { &[] };
        let own = signature.parameters.iter().map(|parameter| parameter.name.as_str());
        let scope = Scope::new(&inputs, own.chain(windowing.iter().copied()).collect());
        let arguments = own_arguments(&signature, &call, &scope)?;
        let (window, by) = match signature.kind {
            Kind::Aggregate => window::bind(&call, &scope).map(|(window, by)| (Some(window), by))?,
            Kind::Transform => (None, Vec::new()),
        };
        let mut application = Application {
            component,
            operator: signature.name.clone(),
            kind: signature.kind,
            inputs,
            arguments,
            window,
            by,
            schema: Default::default(),
        };
        let refused = |reason| Error::new(name.span.clone(), format!("{}: {reason}", signature.name));
        application.schema = self.catalog.output(&application).map_err(refused)?;
        Ok(Stream::Apply(Box::new(application)))
    }

    fn inputs(self, call: &Call) -> Result<Vec<Input>, Error> {
        let mut inputs: Vec<Input> = Vec::with_capacity(call.inputs.len());
        for (index, written) in call.inputs.iter().enumerate() {
            let stream = self.stream(&written.value)?;
            let own = match &stream {
                Stream::Source { name, .. } => name.clone(),
                _ => format!("${}", index + 1),
            };
            let alias = written.alias.as_ref().filter(|alias| alias.text != own);
            if let Some(alias) = alias
                && inputs.iter().any(|input| input.alias == alias.text)
            {
                let message = format!("two inputs are called `{}`", Quoted(&alias.text));
                return Err(Error::new(alias.span.clone(), message));
            }
            let named = alias.is_some();
            inputs.push(Input { alias: alias.map_or(own, |alias| alias.text.clone()), named, stream });
        }
        Ok(inputs)
    }
}

/// The arguments of the operator's own parameters in declared order, defaults filled in.
fn own_arguments(signature: &Signature, call: &Call, scope: &Scope) -> Result<Vec<Argument>, Error> {
    let mut arguments = Vec::new();
    // A positional parameter that is left out without a default makes those behind it need their names.
    let mut gap = false;
    for (parameter, given) in signature.parameters.iter().zip(&call.own) {
        let positional = parameter.positional && !gap;
        let name = parameter.name.clone();
        if given.is_empty() {
            match default(parameter, call, scope, signature)? {
                Some(value) => arguments.push(Argument { name, value, default: true, positional }),
                None if parameter.required => return Err(missing(parameter, call, signature)),
                None => gap |= parameter.positional,
            }
            continue;
        }
        // Whether the default itself is valid here matters only where it is taken.
        let default = default(parameter, call, scope, signature).unwrap_or_default();
        for written in given {
            let value = scope.canonical(parameter.kind, written)?;
            let default = default.as_ref() == Some(&value) && given.len() == 1;
            arguments.push(Argument { name: name.clone(), value, default, positional });
        }
    }
    Ok(arguments)
}

fn default(parameter: &Parameter, call: &Call, scope: &Scope, signature: &Signature) -> Result<Option<String>, Error> {
    let Some(text) = &parameter.default else { return Ok(None) };
    let bound = parse_argument(text).and_then(|argument| scope.canonical(parameter.kind, &argument));
    bound.map(Some).map_err(|error| {
        let (operator, name) = (&signature.name, &parameter.name);
        let error = Error::new(call.span.clone(), format!("{operator} takes {name}={text} by default: {error}"));
        match parameter.kind {
            ParameterKind::Column | ParameterKind::Columns => {
                error.help(format!("say another with {name}=; {}", column::list(scope.columns())))
            }
            _ => error.help(format!("say another with {name}=")),
        }
    })
}

fn missing(parameter: &Parameter, call: &Call, signature: &Signature) -> Error {
    let message = format!("{} needs `{}`: {}", signature.name, parameter.name, parameter.doc);
    Error::new(call.span.clone(), message).help(signature.usage())
}
