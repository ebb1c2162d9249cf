//! `dag subscribe`: makes a stream run and shows its records; with a cursor, it does so over as many connections as it takes ([`reading`])
//! and acknowledges what it has written ([`acknowledger`]). What the node tells besides records is said on standard error ([`notices`]).

mod acknowledger;
mod notices;
mod reading;

use std::io::{self, IsTerminal};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use dag_codec::Format;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;
use tokio::sync::oneshot;

use crate::client::{Client, ClientError, Target};
use crate::duration::Span;
use crate::exit::Exit;
use crate::interrupt::{self, Interrupt};
use crate::output;
use crate::output::records::Records;
use reading::Reading;

/// Show the records of a stream as they come; what computes them runs for as long as somebody listens
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag subscribe cpu_util
  dag subscribe "avg(cpu_util, 5min, by=host)"
  dag subscribe "avg(cpu_util, 5min)" --since 1h
  dag subscribe "filter(cpu_util, value > 90 and host like 'web%')" --from earliest --format csv
  dag subscribe "max(cpu_util, 1d)" --from 2014-02-14T00:00:00Z --until 2014-03-01T00:00:00Z
  dag subscribe cpu_util -n 1 --timeout 10s
  dag subscribe cpu_util --cursor billing

It begins with the newest complete result, for a source with what comes next. Where something fails that it depends on and is tried
again, that is said on standard error."#)]
pub struct Subscribe {
    /// The stream
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Begin with the records of this last while: 5min
    #[arg(long, value_name = "AGE", conflicts_with = "from")]
    since: Option<String>,
    /// Where to begin: earliest, latest, newest, a time, or a position such as 3:1201 [default: newest]
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// End before the first record from this time on
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// End after so many records
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// In time order, each record once no earlier one can follow
    #[arg(long)]
    ordered: bool,
    /// How records are shown [default: table on a terminal, else json]
    #[arg(long)]
    format: Option<ShownFormat>,
    /// With each record's position, which --from takes
    #[arg(long)]
    with_position: bool,
    /// Go on where the last reader of that name stopped, also after the node was gone; see `dag cursors`
    #[arg(long, value_name = "NAME", conflicts_with = "ordered")]
    cursor: Option<String>,
    /// Wait for a stream or an operator that is not there yet
    #[arg(long)]
    wait: bool,
    /// End after this time, with exit code 4
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Span>,
}

/// How records are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShownFormat {
    /// One object a line
    Json,
    /// With a header line
    Csv,
    /// An Arrow IPC stream
    Arrow,
    /// Aligned columns
    Table,
}

impl Subscribe {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        output::ends_with_its_reader()?;
        let timeout = async {
            match self.timeout {
                Some(Span(timeout)) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let timed_out = || {
            output::note("stopped: --timeout passed");
            Ok(Exit::TimedOut)
        };
        let default = if io::stdout().is_terminal() { ShownFormat::Table } else { ShownFormat::Json };
        let format = self.format.unwrap_or(default);
        let Some(cursor) = &self.cursor else {
            interrupt::ends_the_process()?;
            return tokio::select! {
                ended = self.follow(client, format) => ended,
                () = timeout => timed_out(),
            };
        };
        let mut interrupt = Interrupt::noted_for(PATIENCE)?;
        let mut reading = Reading::new(client, &self, cursor, format);
        let outcome = tokio::select! {
            ended = reading.follow() => ended,
            () = timeout => timed_out(),
            () = interrupt.raised() => Ok(Exit::Interrupted),
        };
        reading.finish(outcome)
    }

    async fn follow(&self, client: &Client, format: ShownFormat) -> anyhow::Result<Exit> {
        // Tables are made here, from columns.
        let encoded = format.encoded().unwrap_or(Format::Arrow);
        let target = self.target(encoded).with_some("since", self.since.as_ref()).with_some("from", self.from.as_ref());
        let target = target.with_some("limit", self.limit).with_flag("positions", self.with_position);
        let response = client.stream(&target).await?;
        self.say_what_lies_before(response.headers());
        let mut records = Records::new(format == ShownFormat::Table);
        let trailers = read(client, response, |data| records.show(data)).await?;
        records.finish()?;
        match end(&trailers) {
            Ended::Whole => Ok(Exit::Done),
            Ended::Stopping(why) | Ended::Failed(why) => Err(why),
        }
    }

    /// What is asked for, however often.
    fn target(&self, format: Format) -> Target {
        Target::new(&["subscribe"])
            .with("expr", &self.expression)
            .with_some("until", self.until.as_ref())
            .with_flag("ordered", self.ordered)
            .with_flag("wait", self.wait)
            .with("format", format)
    }

    /// Where the reader did not say where to begin, says that there is more.
    fn say_what_lies_before(&self, headers: &HeaderMap) {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let before = header("dag-before").and_then(|before| before.parse::<u64>().ok()).unwrap_or(0);
        if before > 0 && self.from.is_none() && self.since.is_none() {
            let stream = header("dag-stream").map(|name| percent_decode_str(name).decode_utf8_lossy());
            let stream = stream.as_deref().unwrap_or(&self.expression);
            let (records, verb, them) = match before {
                1 => (output::count(before, "record"), "lies", "it"),
                _ => (output::count(before, "record"), "lie", "them"),
            };
            output::note(&format!("{stream}: {records} {verb} before; --from earliest shows {them}"));
        }
    }
}

impl ShownFormat {
    /// The format of what is not a table.
    pub fn encoded(self) -> Option<Format> {
        match self {
            ShownFormat::Json => Some(Format::Json),
            ShownFormat::Csv => Some(Format::Csv),
            ShownFormat::Arrow => Some(Format::Arrow),
            ShownFormat::Table => None,
        }
    }
}

impl From<Format> for ShownFormat {
    fn from(format: Format) -> ShownFormat {
        match format {
            Format::Json => ShownFormat::Json,
            Format::Csv => ShownFormat::Csv,
            Format::Arrow => ShownFormat::Arrow,
        }
    }
}

/// How long after Ctrl-C what has been written may take to be acknowledged.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a stream of records ended.
enum Ended {
    /// They are all that were wanted.
    Whole,
    /// The node stops.
    Stopping(anyhow::Error),
    Failed(anyhow::Error),
}

/// The end that trailers tell.
fn end(trailers: &HeaderMap) -> Ended {
    let trailer = |name: &str| trailers.get(name)?.to_str().ok();
    let message = trailer("dag-message").map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    let why = |default: &'static str| message.map_or_else(|| anyhow::Error::msg(default), anyhow::Error::msg);
    match trailer("dag-end") {
        Some("failed") => Ended::Failed(why("the stream failed")),
        Some("stopping") => Ended::Stopping(why("the node is stopping")),
        _ => Ended::Whole,
    }
}

/// Reads what a subscription was answered with to its end, and returns the trailers. What the node tells besides is said.
async fn read<E: From<ClientError>>(
    client: &Client,
    response: Response<Incoming>,
    mut take: impl FnMut(Bytes) -> Result<(), E>,
) -> Result<HeaderMap, E> {
    let (head, mut body) = response.into_parts();
    let (all_read, ended) = oneshot::channel::<()>();
    let records = async move {
        let mut trailers = HeaderMap::new();
        while let Some(frame) = body.frame().await {
            match frame.map_err(|cause| client.broken(cause))?.into_data() {
                Ok(data) => take(data)?,
                Err(frame) => trailers.extend(frame.into_trailers().into_iter().flatten()),
            }
        }
        drop(all_read);
        Ok::<_, E>(trailers)
    };
    let notices = async {
        tokio::select! {
            () = notices::say(client, &head.headers) => {}
            () = async { _ = ended.await; tokio::time::sleep(notices::PATIENCE).await } => {}
        }
        Ok(())
    };
    let (trailers, ()) = tokio::try_join!(records, notices)?;
    Ok(trailers)
}
