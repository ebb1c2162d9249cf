//! `dag create`: makes a source stream.

use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::client::{Client, ClientError, Target};
use crate::exit::Exit;
use crate::output;
use crate::schema::SchemaArg;
use dag_codec::TimeUnit;
use dag_node::api::{Column, Stream};

/// Make a source stream that can be published to
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag create cpu_util --schema 'host utf8, value float64'
  dag create orders --schema 'id int64, amount float64' --time ordered_at --unit ms --out-of-order 30s
  dag create sensors --schema 'value float64' --clock node --retention 30d

Types: boolean, int64, float64, utf8, binary, timestamp."#)]
pub struct Create {
    /// The stream's name
    name: String,
    /// The columns besides the time: names and types
    #[arg(long, value_name = "COLUMNS")]
    schema: SchemaArg,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

/// What a source stream is made with, besides its name and columns.
#[derive(Debug, Default, Args)]
pub struct SettingsArgs {
    /// The column that holds a record's time [default: time, timestamp or ts]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What an integer time counts [default: s]
    #[arg(long, value_name = "s|ms|us|ns")]
    unit: Option<TimeUnit>,
    /// Records have no time of their own and get that of their arrival
    #[arg(long, conflicts_with_all = ["time", "unit"])]
    no_time: bool,
    /// How far a publisher's records may lie behind its latest one [default: 0s]
    #[arg(long, value_name = "DURATION")]
    out_of_order: Option<String>,
    /// How long records are kept [default: 7d]
    #[arg(long, value_name = "DURATION")]
    retention: Option<String>,
    /// How many bytes of records are kept [default: no limit but the disk]
    #[arg(long, value_name = "BYTES")]
    retention_bytes: Option<u64>,
    /// How far past the node's clock a live record may be [default: 10m]
    #[arg(long, value_name = "DURATION")]
    max_ahead: Option<String>,
    /// How long a named publisher may be silent before it stops holding the frontier [default: 30s]
    #[arg(long, value_name = "DURATION")]
    idle: Option<String>,
    /// Who moves time on when no publisher speaks: nobody, or the node's own clock [default: publishers]
    #[arg(long)]
    clock: Option<Clock>,
    /// When a record is acknowledged: on the disk, or with the operating system [default: fsync]
    #[arg(long)]
    durability: Option<Durability>,
}

/// Who moves time on when no publisher speaks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Clock {
    /// The node's own clock
    Node,
    /// Nobody
    Publishers,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Durability {
    Fsync,
    Os,
}

impl Create {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let answer = create(client, self.settings.request(&self.name, &self.schema.0)).await?;
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

impl SettingsArgs {
    /// The defaults, but for how times are told.
    pub fn with_times(time: Option<String>, unit: Option<TimeUnit>, out_of_order: Option<String>) -> SettingsArgs {
        SettingsArgs { time, unit, out_of_order, ..SettingsArgs::default() }
    }

    /// The body of the request that makes the stream; what is not given is left to the node.
    pub fn request(&self, name: &str, schema: &[Column]) -> Value {
        let mut request = json!({"name": name, "schema": schema});
        if self.no_time {
            request["time"] = Value::Null;
        }
        if self.time.is_some() || self.unit.is_some() {
            request["time"] = json!({});
            set(&mut request["time"], "column", self.time.as_deref());
            set(&mut request["time"], "unit", self.unit.map(TimeUnit::name));
        }
        if self.retention.is_some() || self.retention_bytes.is_some() {
            request["retention"] = json!({});
            set(&mut request["retention"], "age", self.retention.as_deref());
            set(&mut request["retention"], "bytes", self.retention_bytes);
        }
        set(&mut request, "out_of_order", self.out_of_order.as_deref());
        set(&mut request, "max_ahead", self.max_ahead.as_deref());
        set(&mut request, "idle", self.idle.as_deref());
        set(&mut request, "clock", self.clock.map(spelling));
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
