//! `dag create`: makes a source stream.

use bytes::Bytes;
use clap::{Args, ValueEnum};
use dag_api::{Column, Stream};
use dag_codec::TimeUnit;
use serde_json::{Value, json};

use crate::client::{Client, ClientError, Target};
use crate::exit::Exit;
use crate::output;
use crate::schema::SchemaArg;
use crate::settings::SettingsArgs;

/// Make a source stream that can be published to
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag create cpu_util --schema 'host utf8, value float64'
  dag create orders --schema 'id int64, amount float64' --time ordered_at --unit ms --out-of-order 30s
  dag create sensors --schema 'value float64' --clock node --retention 30d

The same declaration again is fine, so that scripts can repeat it. Types: boolean, int64, float64, utf8, binary, timestamp. What is not given is --out-of-order 0s, --retention 7d, --retention-bytes 0,
--max-ahead 10m, --idle 30s, --clock publishers; `dag alter` changes these later."#)]
pub struct Create {
    /// The stream's name
    name: String,
    /// The columns besides the time: names and types
    #[arg(long, value_name = "COLUMNS")]
    schema: SchemaArg,
    #[command(flatten)]
    source: SourceArgs,
    /// Take a stream of that name that is there as it is; without this one that is other than declared here is an error
    #[arg(long)]
    if_not_exists: bool,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

/// What a source stream is made with, besides its name and columns.
#[derive(Debug, Default, Args)]
pub struct SourceArgs {
    /// The column that holds a record's time [default: time, timestamp or ts]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What an integer time counts [default: s]
    #[arg(long, value_name = "s|ms|us|ns")]
    unit: Option<TimeUnit>,
    /// Records have no time of their own and get that of their arrival
    #[arg(long, conflicts_with_all = ["time", "unit"])]
    no_time: bool,
    #[command(flatten)]
    lasting: SettingsArgs,
    /// When a record is acknowledged: on the disk, or with the operating system [default: fsync]
    #[arg(long)]
    durability: Option<Durability>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Durability {
    Fsync,
    Os,
}

impl Create {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let body = Bytes::from(self.source.request(&self.name, &self.schema.0).to_string());
        let target = Target::new(&["streams"]).with_flag("if_not_exists", self.if_not_exists);
        let answer = client.post(&target, "application/json", body).await?;
        if self.json {
            output::json(&answer)?;
        } else {
            let stream: Stream = serde_json::from_value(answer)?;
            output::line(&format!("{}: {}", stream.name, columns(&stream.schema)))?;
            if let Some(note) = stream.note {
                output::line(&note)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl SourceArgs {
    /// The defaults, but for how times are told.
    pub fn with_times(time: Option<String>, unit: Option<TimeUnit>, out_of_order: Option<String>) -> SourceArgs {
        let lasting = SettingsArgs { out_of_order, ..SettingsArgs::default() };
        SourceArgs { time, unit, lasting, ..SourceArgs::default() }
    }

    /// The body of the request that makes the stream; what is not given is left to the node.
    pub fn request(&self, name: &str, schema: &[Column]) -> Value {
        let mut request = json!(self.lasting.given());
        request["name"] = name.into();
        request["schema"] = json!(schema);
        if self.no_time {
            request["time"] = Value::Null;
        }
        if self.time.is_some() || self.unit.is_some() {
            request["time"] = json!({});
            set(&mut request["time"], "column", self.time.as_deref());
            set(&mut request["time"], "unit", self.unit.map(TimeUnit::name));
        }
        set(&mut request, "durability", self.durability.map(spelling));
        request
    }
}

/// Asks the node to make the stream; the same stream again is no error.
pub async fn create(client: &Client, request: Value) -> Result<Value, ClientError> {
    let body = Bytes::from(request.to_string());
    client.post(&Target::new(&["streams"]), "application/json", body).await
}

/// Columns as `--schema` takes them.
pub fn columns(schema: &[Column]) -> String {
    schema.iter().map(|column| format!("{} {}", column.name, column.ty)).collect::<Vec<_>>().join(", ")
}

fn set(request: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        request[name] = value.into();
    }
}

/// A value as it is spelt on the command line, which is how the API spells it.
fn spelling(value: impl ValueEnum) -> String {
    value.to_possible_value().expect("no value is hidden").get_name().to_owned()
}
