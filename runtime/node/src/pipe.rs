//! `dag pipe`: the same engine on standard input and output, without a node.
//!
//! The one unknown name in the expression is the input. It goes through a source like any other, in a folder that is gone afterwards,
//! so that what comes out is what a node would give from the beginning.

use std::io::{Read, Write};
use std::path::PathBuf;

use bytes::Bytes;
use dag_api::limits::RequestMemory;
use dag_api::{CreateStream, DeployParameters, Durability, PublishParameters, SubscribeParameters};
use dag_codec::{BodyError, EncodeOptions, Encoder, Format, Refusal, Splitter, Table, TimeColumn};

use crate::blocking::Broken;
use crate::config::Config;
use crate::deploy::DeployError;
use crate::node::ServeError;
use crate::readers::error::ReaderError;
use crate::readers::subscription::Next;
use crate::requests::Requests;
use crate::streams::error::StreamError;
use crate::streams::publish::PublishError;

/// How many records go to the engine at once.
const CHUNK: u64 = 4_096;

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

/// Why nothing, or not everything, came out.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// The expression or the input makes no sense.
    #[error("{0}")]
    Expression(String),
    /// The stream of the input cannot be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The input is not taken.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The output cannot be had.
    #[error(transparent)]
    Read(#[from] ReaderError),
    /// The input has no columns that can be told.
    #[error(transparent)]
    Schema(#[from] BodyError),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The engine does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A component is not taken.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The input can't be read.
    #[error("cannot read the input: {0}")]
    Input(std::io::Error),
    /// The output can't be written.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
}

/// Reads `input` to its end and writes what the expression makes of it.
pub async fn run(
    options: PipeOptions,
    mut input: impl Read + Send + 'static,
    mut output: impl Write,
) -> Result<PipeReport, PipeError> {
    // There are no other requests.
    let requests = Requests { memory: RequestMemory::of(u64::MAX), ..Requests::default() };
    let config = Config { requests, ..Config::private(&options.scratch, options.workers) };
    let (node, _) = crate::serve::start(config).await?;
    for component in &options.components {
        node.deploy(component.clone(), DeployParameters::default()).await?;
    }
    let name = {
        let view = node.view();
        let names = dag_expr::names(&options.expr, &view);
        let names = names.map_err(|error| PipeError::Expression(error.render(&options.expr)))?;
        match names.as_slice() {
            [name] => name.clone(),
            [] => return Err(PipeError::Expression("the expression names no input stream".to_owned())),
            names => {
                let message = format!("the expression reads {}: a pipe has one input", names.join(", "));
                return Err(PipeError::Expression(message));
            }
        }
    };
    let mut splitter = match options.input {
        Format::Json => Some(Splitter::ndjson()),
        Format::Csv => Some(Splitter::csv()),
        Format::Arrow => None,
    };
    let mut next = move |records: u64| -> Result<Option<(Bytes, u64)>, PipeError> {
        let Some(splitter) = &mut splitter else {
            let mut all = Vec::new();
            input.read_to_end(&mut all).map_err(PipeError::Input)?;
            return Ok((!all.is_empty()).then(|| (Bytes::from(all), 1)));
        };
        let mut buffer = vec![0; 64 << 10];
        while splitter.ready() < records {
            match input.read(&mut buffer) {
                Ok(0) => {
                    splitter.finish();
                    break;
                }
                Ok(read) => splitter.push(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(PipeError::Input(error)),
            }
        }
        Ok(splitter.next_chunk(records).map(|chunk| (Bytes::from(chunk.bytes), chunk.first_line)))
    };
    let mut chunk = next(SAMPLE)?;
    let mut settings = options.settings.clone();
    settings.name = name.clone();
    settings.durability = Durability::Os;
    if settings.schema.is_empty() {
        let sample = chunk.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        let time = settings.time.clone().unwrap_or_default();
        let time = TimeColumn { name: time.column, unit: time.unit, arrival: None };
        let schema = dag_codec::infer(options.input, sample, &time)?;
        settings.schema = schema
            .fields
            .iter()
            .map(|field| dag_api::Column { name: field.name.clone(), ty: field.ty.name().to_owned() })
            .collect();
    }
    node.inner.streams.create_now(settings)?;
    let parameters =
        SubscribeParameters { expr: options.expr.clone(), from: Some("earliest".to_owned()), ..Default::default() };
    let mut subscription = node.subscribe(&parameters).await?;
    let publishing = node.clone();
    // A named publisher, so that the source is spoken for from the first record to the last.
    let published = tokio::spawn(async move {
        let mut report = PipeReport::default();
        let mut batch = 0;
        let share = || publishing.inner.budget.share();
        while let Some((bytes, line)) = chunk {
            batch += 1;
            let parameters = PublishParameters {
                publisher: Some("pipe".to_owned()),
                session: Some(1),
                batch: Some(batch),
                history: true,
                line: Some(line),
                ..Default::default()
            };
            let published =
                publishing.inner.streams.publish(&name, Some((options.input, bytes)), parameters, share()).await?;
            report.accepted += published.accepted;
            report.late += published.late;
            report.refused += published.refused;
            report.refusals.extend(published.refusals);
            let read = tokio::task::spawn_blocking(move || next(CHUNK).map(|chunk| (chunk, next)));
            let read = read.await.map_err(Broken::from)??;
            (chunk, next) = read;
        }
        let seal = PublishParameters { seal: true, ..Default::default() };
        publishing.inner.streams.publish(&name, None, seal, share()).await?;
        Ok::<PipeReport, PipeError>(report)
    });
    let mut published = Some(published);
    let mut writer = Writer::new(&options, subscription.schema());
    let mut bytes = Vec::new();
    writer.begin(&mut bytes);
    let mut report = None;
    loop {
        if !bytes.is_empty() {
            output.write_all(&bytes).map_err(PipeError::Output)?;
            bytes.clear();
        }
        let next = match published.as_mut() {
            None => subscription.next().await?,
            Some(publishing) => tokio::select! {
                next = subscription.next() => next?,
                done = publishing => {
                    published = None;
                    let done = done.map_err(Broken::from)?;
                    report = Some(done?);
                    continue;
                }
            },
        };
        match next {
            Next::Records { batch, .. } => writer.encode(&batch, &mut bytes),
            Next::End(_) => break,
        }
    }
    writer.finish(&mut bytes);
    output.write_all(&bytes).and_then(|()| output.flush()).map_err(PipeError::Output)?;
    if let Some(publishing) = published {
        report = Some(publishing.await.map_err(Broken::from)??);
    }
    node.stop();
    Ok(report.unwrap_or_default())
}

enum Writer {
    Bytes(Encoder),
    Table(Table),
}

impl Writer {
    fn new(options: &PipeOptions, schema: &dag_model::Schema) -> Writer {
        match options.output {
            Some(format) => Writer::Bytes(Encoder::new(format, schema, EncodeOptions::default())),
            None => Writer::Table(Table::new(schema, EncodeOptions::default())),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if let Writer::Bytes(encoder) = self {
            encoder.begin(out);
        }
    }

    fn encode(&mut self, batch: &arrow_array::RecordBatch, out: &mut Vec<u8>) {
        match self {
            Writer::Bytes(encoder) => encoder.encode(batch, None, out),
            Writer::Table(table) => table.encode(batch, None, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Writer::Bytes(encoder) => encoder.finish(out),
            Writer::Table(table) => table.finish(out),
        }
    }
}
