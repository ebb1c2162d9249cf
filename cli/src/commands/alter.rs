//! `dag alter`: changes what may change of a stream while it lives.

use bytes::Bytes;
use clap::{Args, ValueEnum};
use dag_node::api::{AlterRetention, AlterStream, Clock, OnError, Stream};

use crate::client::{Client, Target};
use crate::commands::create;
use crate::exit::Exit;
use crate::output;

/// Change the settings of a stream while it lives
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag alter cpu_util --retention 30d --out-of-order 10s
  dag alter orders --retention none --retention-bytes 10000000000
  dag alter "avg(cpu_util, 5min)" --on-error skip

What is not given stays as it is. A change holds from now on: what was late stays late, and what a larger allowance takes in delays
the results after it. A stream's columns, the column of its time and its durability cannot be changed."#)]
pub struct Alter {
    /// A source's name, or with --on-error the expression of a stream that is computed
    stream: String,
    #[command(flatten)]
    changes: Changes,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// How far a publisher's records may lie behind its latest one
    #[arg(long, value_name = "DURATION")]
    out_of_order: Option<String>,
    /// How long records are kept; `none` for ever
    #[arg(long, value_name = "DURATION")]
    retention: Option<String>,
    /// How many bytes of records are kept; 0 for no limit but the disk
    #[arg(long, value_name = "BYTES")]
    retention_bytes: Option<u64>,
    /// How far past the node's clock a live record may be
    #[arg(long, value_name = "DURATION")]
    max_ahead: Option<String>,
    /// How long a named publisher may be silent before it stops holding the frontier
    #[arg(long, value_name = "DURATION")]
    idle: Option<String>,
    /// Who moves time on when no publisher speaks
    #[arg(long)]
    clock: Option<create::Clock>,
    /// What becomes of a record on which the stream's operator fails every time
    #[arg(long)]
    on_error: Option<Policy>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// The computation stops there
    Stop,
    /// The record is passed over
    Skip,
}

impl Alter {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let body = serde_json::to_vec(&self.changes.request())?;
        let target = Target::new(&["streams", &self.stream]);
        let answer = client.patch(&target, "application/json", Bytes::from(body)).await?;
        if self.json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        let stream: Stream = serde_json::from_value(answer)?;
        match (&stream.settings, stream.on_error) {
            (Some(settings), _) => {
                let age = settings.retention.age.as_deref().unwrap_or("none");
                let bytes =
                    settings.retention.bytes.map_or_else(String::new, |bytes| format!(", at most {bytes} bytes"));
                output::line(&format!(
                    "{}: out of order {}, retention {age}{bytes}, max ahead {}, idle {}, clock {}",
                    stream.name,
                    settings.out_of_order,
                    settings.max_ahead,
                    settings.idle,
                    match settings.clock {
                        Clock::Node => "node",
                        Clock::Publishers => "publishers",
                    },
                ))?;
            }
            (None, Some(OnError::Skip)) => output::line(&format!("{}: passes over records that fail", stream.name))?,
            (None, _) => output::line(&format!("{}: stops at a record that fails", stream.name))?,
        }
        Ok(Exit::Done)
    }
}

impl Changes {
    /// The body of the request.
    fn request(self) -> AlterStream {
        let Changes { out_of_order, retention, retention_bytes, max_ahead, idle, clock, on_error } = self;
        let retention = (retention.is_some() || retention_bytes.is_some())
            .then_some(AlterRetention { age: retention, bytes: retention_bytes });
        AlterStream {
            out_of_order,
            max_ahead,
            idle,
            clock: clock.map(|clock| match clock {
                create::Clock::Node => Clock::Node,
                create::Clock::Publishers => Clock::Publishers,
            }),
            retention,
            on_error: on_error.map(|policy| match policy {
                Policy::Stop => OnError::Stop,
                Policy::Skip => OnError::Skip,
            }),
            ..AlterStream::default()
        }
    }
}
