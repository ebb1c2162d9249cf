//! Expressions, parsed and bound to the streams and operators that there are. Nobody waits for an operator with a thread: binding stops
//! where it meets a question that has not been asked, that is [asked](crate::operators::questions), and then it begins again.

use std::cell::RefCell;
use std::sync::Arc;

use dag_expr::{Application, Catalog as Binding, ErrorKind, Signature, Stream};
use dag_model::Schema;
use dag_wasm::Component;

use crate::blocking::gate::Width;
use crate::operators::Operators;
use crate::operators::catalog::{Catalog, Unknown};
use crate::operators::error::BindError;
use crate::operators::questions::Question;
use crate::streams::source::{Origin, Sources};

/// How many expressions are parsed and bound at a time: that takes the processor, and no time besides.
pub(super) const BINDING: Width = Width { what: "to be bound", most: 4, each: 4, waiting: 1024 };

/// How often binding an expression begins again: an expression applies at most a hundred operators, of which all may be unknown.
const ATTEMPTS: usize = 256;

/// What is asked before an expression can be bound.
type Open = Box<(Question, Arc<Component>)>;

impl Operators {
    /// Parses and binds an expression. Waits for as long as operators take to be asked.
    pub async fn bound(self: &Arc<Self>, text: &str) -> Result<Stream, BindError> {
        for _ in 0..ATTEMPTS {
            let (operators, text) = (self.clone(), text.to_owned());
            let (question, component) = match self.binding.run((), move || operators.bind(&text)).await? {
                Ok(stream) => return Ok(stream),
                Err(open) => *open,
            };
            let questions = self.catalog().questions().clone();
            questions.ask(question, component).await?;
        }
        Err(BindError::Forgotten)
    }

    /// Binds an expression as far as operators have been asked; the inner error is the first question that is open.
    fn bind(&self, text: &str) -> Result<Result<Stream, Open>, BindError> {
        let (sources, catalog) = (self.streams.all(), self.catalog());
        let known = Known { names: Names { sources: &sources, catalog: &catalog }, open: RefCell::default() };
        let bound = dag_expr::bind(text, &known);
        if let Some(open) = known.open.take() {
            return Ok(Err(open));
        }
        bound.map(Ok).map_err(|error| {
            if let ErrorKind::UnknownStream(name) = &error.kind
                && let Some(why) = self.streams.unavailable().why(name)
            {
                return why.clone().into();
            }
            if let ErrorKind::UnknownOperator(name) = &error.kind
                && let Some(why) = catalog.why_unavailable(name)
            {
                return BindError::Unusable { name: name.clone(), why: why.to_owned() };
            }
            let rendered = error.render(text);
            match &error.kind {
                ErrorKind::UnknownStream(_) => BindError::UnknownStream(rendered),
                ErrorKind::UnknownOperator(_) => BindError::UnknownOperator(rendered),
                ErrorKind::Other => BindError::Expression(rendered),
            }
        })
    }

    /// The streams that an expression names, whether they are there or not.
    pub fn streams_in(&self, text: &str) -> Result<Vec<String>, dag_expr::Error> {
        let (sources, catalog) = (self.streams.all(), self.catalog());
        dag_expr::names(text, &Names { sources: &sources, catalog: &catalog })
    }
}

/// Streams and operators, as far as operators have been asked.
struct Known<'a> {
    names: Names<'a>,
    /// The first question that is open.
    open: RefCell<Option<Open>>,
}

impl Binding for Known<'_> {
    fn source(&self, name: &str) -> Option<Schema> {
        self.names.source(name)
    }

    fn errors(&self, name: &str) -> Option<Schema> {
        self.names.errors(name)
    }

    fn operator(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        self.names.operator(component, name)
    }

    fn sources(&self) -> Vec<String> {
        Binding::sources(&self.names)
    }

    fn operators(&self) -> Vec<String> {
        self.names.operators()
    }

    fn output(&self, application: &Application) -> Result<Schema, String> {
        match self.names.catalog.known(application) {
            Ok(answer) => Ok(answer.schema),
            Err(Unknown::Refused(why)) => Err(why),
            Err(Unknown::Open(open)) => {
                self.open.borrow_mut().get_or_insert(open);
                Err("its operator has not been asked".to_owned())
            }
        }
    }
}

/// The streams and operators that expressions are bound against. Operators are asked on the spot.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The streams that are published to, and those of what others skip.
    pub sources: &'a Sources,
    /// The operators.
    pub catalog: &'a Catalog,
}

impl Binding for Names<'_> {
    fn source(&self, name: &str) -> Option<Schema> {
        let source = self.sources.get(name).filter(|source| source.origin == Origin::Published);
        source.map(|source| source.schema.clone())
    }

    fn errors(&self, name: &str) -> Option<Schema> {
        let errors = self.sources.get(name).filter(|source| source.origin != Origin::Published);
        errors.map(|source| source.schema.clone())
    }

    fn operator(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        // Of what cannot run nothing can be made.
        self.catalog.why_unavailable(name).is_none().then(|| self.catalog.signature(component, name)).flatten()
    }

    fn sources(&self) -> Vec<String> {
        let published = self.sources.iter().filter(|(_, source)| source.origin == Origin::Published);
        published.map(|(name, _)| name.clone()).collect()
    }

    fn operators(&self) -> Vec<String> {
        self.catalog.operators().map(|(_, signature)| signature.name.clone()).collect()
    }

    fn output(&self, application: &Application) -> Result<Schema, String> {
        self.catalog.bind(application).map(|answer| answer.schema)
    }
}
