//! `dag alter`: changes what may change of a stream while it lives.

use bytes::Bytes;
use clap::{Args, ValueEnum};
use dag_api::{AlterStream, Clock, OnError, Stream};

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output;
use crate::settings::SettingsArgs;

/// Change the settings of a stream while it lives
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag alter cpu_util --retention 30d --out-of-order 10s
  dag alter orders --retention none --retention-bytes 10000000000
  dag alter "avg(cpu_util, 5min)" --on-error skip

With --on-error skip, `dag subscribe "errors(avg(cpu_util, 5min))"` shows what is skipped.

What is not given stays as it is. A change holds from now on: what was late stays late, and what a larger allowance takes in delays
the results after it. A stream's columns, the column of its time and its durability cannot be changed."#)]
pub struct Alter {
    /// A source's name, or with --on-error the expression of a stream that is computed
    stream: String,
    #[command(flatten)]
    settings: SettingsArgs,
    /// What becomes of a record on which the stream's operator fails every time
    #[arg(long)]
    on_error: Option<Policy>,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// The computation stops there
    Stop,
    /// The record is skipped, and kept in errors(STREAM)
    Skip,
}

impl Alter {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let body = serde_json::to_vec(&self.request())?;
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
            (None, Some(OnError::Skip)) => {
                let errors = dag_expr::errors_of(&stream.name);
                output::line(&format!("{}: skips records that fail, and keeps them in {errors}", stream.name))?;
            }
            (None, _) => output::line(&format!("{}: stops at a record that fails", stream.name))?,
        }
        Ok(Exit::Done)
    }

    /// The body of the request.
    fn request(&self) -> AlterStream {
        let on_error = self.on_error.map(|policy| match policy {
            Policy::Stop => OnError::Stop,
            Policy::Skip => OnError::Skip,
        });
        AlterStream { on_error, ..self.settings.given() }
    }
}
