//! `dag pipe`: an expression over standard input, without a node.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use dag_api::Published;
use dag_codec::{Format, TimeUnit};
use dag_node::pipe::{PipeError, PipeOptions, PipeReport};

use crate::commands::create::SourceArgs;
use crate::commands::publish::input::{Source, with_format};
use crate::commands::publish::summary::Summary;
use crate::commands::subscribe::ShownFormat;
use crate::exit::{self, Exit};
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::output;
use crate::schema::SchemaArg;

/// Compute an expression over standard input, without a node
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag pipe "avg(cpu, 5min, by=host)" < readings.csv > averages.csv
  dag pipe "filter(cpu, value > 90)" --format table < readings.ndjson
  dag pipe "rms(cpu, 5min)" --component build/rms.wasm < readings.csv
  dag pipe "count(cpu, 1d)" --schema 'host utf8, value float64' --time ts < readings.csv

Any one name in the expression is the input. The output is what a node would give from the beginning."#)]
pub struct Pipe {
    /// What to compute
    #[arg(value_name = "EXPR")]
    expression: String,
    /// How results are shown [default: table on a terminal, else as the input]
    #[arg(long)]
    format: Option<ShownFormat>,
    /// How the input is written: json, csv or arrow [default: by its first byte]
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<Format>,
    /// The columns besides the time: names and types [default: by the first records]
    #[arg(long, value_name = "COLUMNS")]
    schema: Option<SchemaArg>,
    /// The column that holds a record's time [default: time, timestamp or ts]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What an integer time counts [default: s]
    #[arg(long, value_name = "s|ms|us|ns")]
    unit: Option<TimeUnit>,
    /// A component whose operators the expression may apply, too; may be given several times
    #[arg(long, value_name = "FILE")]
    component: Vec<PathBuf>,
    /// How far a record may lie behind the latest one before it [default: 0s]
    #[arg(long, value_name = "DURATION")]
    out_of_order: Option<String>,
}

impl Pipe {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let mut interrupt = Interrupt::noted()?;
        let scratch = Folder::new("dag-pipe-")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            tokio::select! {
                report = self.compute(scratch.path()) => report.map(Some),
                () = interrupt.raised() => Ok(None),
            }
        });
        if matches!(outcome, Ok(None)) {
            exit::now(Exit::Interrupted);
        }
        // A read of standard input may still be under way; nobody waits for it.
        runtime.shutdown_background();
        Ok(outcome?.map_or(Exit::Interrupted, told))
    }

    async fn compute(self, scratch: &Path) -> anyhow::Result<PipeReport> {
        let input = Source::open(Path::new("-"))?.into_bytes().0;
        let (input, input_format) =
            tokio::task::spawn_blocking(move || with_format(input, self.input_format)).await??;
        let settings = SourceArgs::with_times(self.time, self.unit, self.out_of_order);
        let schema = self.schema.map_or(Vec::new(), |schema| schema.0);
        let default = if io::stdout().is_terminal() { ShownFormat::Table } else { input_format.into() };
        let options = PipeOptions {
            expr: self.expression,
            components: self.component.iter().map(|file| read(file)).collect::<anyhow::Result<_>>()?,
            input: input_format,
            output: self.format.unwrap_or(default).encoded(),
            settings: serde_json::from_value(settings.request("", &schema))?,
            workers: thread::available_parallelism().map_or(1, usize::from),
            scratch: scratch.to_owned(),
        };
        dag_node::pipe::run(options, input, io::stdout().lock()).await.map_err(|error| match error {
            PipeError::Output(error) => error.into(),
            error => error.into(),
        })
    }
}

/// A component's bytes.
fn read(file: &Path) -> anyhow::Result<Bytes> {
    Ok(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?.into())
}

/// Says what was wrong with the input.
fn told(report: PipeReport) -> Exit {
    let PipeReport { accepted, late, refused, refusals } = report;
    let mut summary = Summary::default();
    let lines = summary.add(&Published { accepted, late, refused, refusals, ..Published::default() }, 0);
    lines.iter().for_each(|line| output::note(line));
    if late + refused > 0 {
        output::note(&format!("read {}", summary.counts()));
    }
    if refused > 0 { Exit::Refused } else { Exit::Done }
}
