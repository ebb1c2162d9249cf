//! `dag pipe`: the same engine on standard input and output, without a node.
//!
//! The one unknown name in the expression is the input. It goes through a source like any other, in a folder that is gone afterwards,
//! so that what comes out is what a node would give from the beginning.

mod error;
mod input;
mod output;
mod publish;

use std::io::{Read, Write};
use std::path::PathBuf;

use bytes::Bytes;
use dag_api::limits::RequestMemory;
use dag_api::{CreateStream, DeployParameters, Durability, Published, SubscribeParameters};
use dag_codec::{Format, Refusal};
use tokio::task::JoinHandle;

use crate::Node;
use crate::blocking::Broken;
use crate::config::Config;
use crate::readers::subscription::{Next, Subscription};
use crate::requests::Requests;

pub use error::PipeError;
use input::Input;
use output::Output;

/// How much of the input is looked at to infer its columns.
const SAMPLE: u64 = 1_000;

/// What to compute, and how input and output are written.
#[derive(Clone, Debug)]
pub struct PipeOptions {
    /// The expression.
    pub expr: String,
    /// Components whose operators it may apply besides the standard ones.
    pub components: Vec<Bytes>,
    /// The format of the input.
    pub input: Format,
    /// The format of the output; none for a table.
    pub output: Option<Format>,
    /// The source's settings; its name is filled in, and its columns where there are none.
    pub settings: CreateStream,
    /// How many timely workers there are.
    pub workers: usize,
    /// Where the engine may keep its data while it runs: an empty folder.
    pub scratch: PathBuf,
}

/// What happened to the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipeReport {
    /// Records on time.
    pub accepted: u64,
    /// Records that came late.
    pub late: u64,
    /// Lines that were no records.
    pub refused: u64,
    /// Why, the first of them.
    pub refusals: Vec<Refusal>,
}

impl PipeReport {
    fn add(&mut self, published: Published) {
        self.accepted += published.accepted;
        self.late += published.late;
        self.refused += published.refused;
        self.refusals.extend(published.refusals);
    }
}

/// Reads `input` to its end and writes what the expression makes of it.
pub async fn run(
    options: PipeOptions,
    input: impl Read + Send + 'static,
    output: impl Write,
) -> Result<PipeReport, PipeError> {
    // There are no other requests.
    let requests = Requests { memory: RequestMemory::of(u64::MAX), ..Requests::default() };
    let config = Config { requests, ..Config::private(&options.scratch, options.workers) };
    let (node, _) = crate::serve::start(config).await?;
    for component in &options.components {
        node.deployments.deploy(component.clone(), DeployParameters::default()).await?;
    }
    let source = source(&node, &options.expr)?;
    let mut input = Input::new(input, options.input);
    let first = input.next(SAMPLE)?;
    let mut settings = CreateStream { name: source.clone(), durability: Durability::Os, ..options.settings.clone() };
    if settings.schema.is_empty() {
        settings.schema = input::columns(options.input, first.as_ref(), &settings)?;
    }
    node.streams.create_now(settings, false)?;
    let parameters =
        SubscribeParameters { expr: options.expr.clone(), from: Some("earliest".to_owned()), ..Default::default() };
    let subscription = node.readers.subscribe(&parameters).await?;
    let output = Output::begin(output, options.output, subscription.schema())?;
    let published = tokio::spawn(publish::publish(node.clone(), source, first, input));
    let report = write(subscription, output, published).await?;
    node.stop();
    Ok(report)
}

/// The one stream that the expression reads.
fn source(node: &Node, expr: &str) -> Result<String, PipeError> {
    let names = node.operators.streams_in(expr);
    let names = names.map_err(|error| PipeError::Expression(error.render(expr)))?;
    match names.as_slice() {
        [name] => Ok(name.clone()),
        [] => Err(PipeError::Expression("the expression names no input stream".to_owned())),
        names => {
            let message = format!("the expression reads {}: a pipe has one input", names.join(", "));
            Err(PipeError::Expression(message))
        }
    }
}

/// Writes what the subscription gives until it ends, or until publishing fails.
async fn write<W: Write>(
    mut subscription: Subscription,
    mut output: Output<W>,
    mut published: JoinHandle<Result<PipeReport, PipeError>>,
) -> Result<PipeReport, PipeError> {
    let mut report = None;
    loop {
        let next = tokio::select! {
            next = subscription.next() => next?,
            done = &mut published, if report.is_none() => {
                report = Some(done.map_err(Broken::from)??);
                continue;
            }
        };
        match next {
            Next::Records { batch, .. } => output.write(&batch)?,
            Next::End(_) => break,
        }
    }
    output.finish()?;
    match report {
        Some(report) => Ok(report),
        None => published.await.map_err(Broken::from)?,
    }
}
