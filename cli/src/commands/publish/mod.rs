//! `dag publish`: brings records to a source stream.
//!
//! [`input`] is where records come from and [`chunks`] cuts them; [`file`](mod@file) sends a file, resumable, and [`live`] what comes
//! through a pipe ([`arrivals`]), with [`pace`] deciding what to say about time; both use a [`sender`] and add to a [`summary`].

mod arrivals;
pub mod chunks;
mod file;
pub mod input;
mod live;
mod pace;
mod progress;
pub mod sender;
pub mod summary;
mod times;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use dag_api::{Code, Column, Stream};
use dag_codec::{Format, TimeColumn};
use dag_model::Field;

use crate::client::{Client, ClientError, Target};
use crate::commands::create::{SourceArgs, columns, create};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;
use chunks::Chunk;
use input::Source;
use sender::Ending;

/// Publish records from a file or standard input
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag publish cpu_util readings.csv
  dag publish cpu_util readings.csv --create --done
  tail -f readings.ndjson | dag publish cpu_util
  dag publish cpu_util history.csv --history --seal

A file's publisher is named after its path and content: the same command again goes on where it stopped, and publishes nothing
twice. What comes through a pipe is sent within 50 ms; while it is silent, heartbeats say that time goes on."#)]
pub struct Publish {
    /// The source stream
    stream: String,
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How records are written: json (one object a line), csv (with a header) or arrow (an IPC stream) [default: by the file's
    /// extension, else by its first byte]
    #[arg(long)]
    format: Option<Format>,
    /// How many records go into one request, at most
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..))]
    batch_rows: u64,
    /// Send records as they come, and heartbeats [default when the input is not a regular file]
    #[arg(long)]
    live: bool,
    /// The publisher's name [default: made from the file, or from this host and process]
    #[arg(long, value_name = "NAME")]
    publisher: Option<String>,
    /// The column that holds a record's time [default: the stream's]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// Records may be further past the node's clock than the stream allows
    #[arg(long)]
    history: bool,
    /// At the end: this publisher's history is complete, so windows up to its last record close
    #[arg(long)]
    done: bool,
    /// At the end: the stream is complete, for every publisher
    #[arg(long)]
    seal: bool,
    /// Make the stream if it is not there, with the columns of the first records
    #[arg(long)]
    create: bool,
    /// Send no heartbeats; stay joined all the same
    #[arg(long)]
    no_heartbeat: bool,
    /// Print the summary as JSON on standard output
    #[arg(long)]
    json: bool,
}

impl Publish {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let stream = self.look_up(client).await?;
        let source = Source::open(&self.file)?;
        let interrupt = Interrupt::noted()?;
        match source {
            Source::File(file) if !self.live => file::publish(&self, client, stream, file, interrupt).await,
            source => live::publish(&self, client, stream, source, interrupt).await,
        }
    }

    /// The stream, or none if it has to be made.
    async fn look_up(&self, client: &Client) -> anyhow::Result<Option<Stream>> {
        match client.get(&Target::new(&["streams", &self.stream])).await {
            Ok(answer) => Ok(Some(serde_json::from_value(answer)?)),
            Err(error) if error.code() == Some(Code::UnknownStream) && self.create => Ok(None),
            Err(error) => Err(self.explained(error)),
        }
    }

    /// Makes the stream with the columns of its first records.
    async fn create(&self, client: &Client, format: Format, sample: &Chunk) -> anyhow::Result<Stream> {
        let time = TimeColumn { name: self.time.clone(), ..TimeColumn::default() };
        let schema = dag_codec::infer(format, &sample.bytes, &time).context("cannot tell the stream's columns")?;
        let column = |field: &Field| Column { name: field.name.clone(), ty: field.ty.name().to_owned() };
        let schema: Vec<_> = schema.fields.iter().map(column).collect();
        let request = SourceArgs::with_times(self.time.clone(), None, None).request(&self.stream, &schema);
        let stream: Stream = serde_json::from_value(create(client, request).await?)?;
        output::note(&format!("created {}: {}", stream.name, columns(&stream.schema)));
        Ok(stream)
    }

    /// What the last request says.
    fn ending(&self) -> Ending {
        Ending { leave: true, done: self.done, seal: self.seal }
    }

    /// With a hint on what to do about an error of the node, where there is one.
    fn explained(&self, error: ClientError) -> anyhow::Error {
        match error.code() {
            Some(Code::UnknownStream) => {
                anyhow!("{error}\n\nor make it with --create, with the columns of the first records")
            }
            Some(Code::TooLarge) => anyhow!("{error}\n\ntry a smaller --batch-rows"),
            _ => error.into(),
        }
    }
}
