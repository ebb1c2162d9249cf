//! With a node: each save is deployed to it, and a subscription shows what comes of records that go on.
//!
//! The node, the publisher and the subscriber live in this process, so nothing of them is left when it ends.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Parser;
use dag_api::{Code, Deployed};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::own_example;
use crate::client::{Client, Credentials, Target};
use crate::clock::Clock;
use crate::commands::create::create;
use crate::commands::deploy;
use crate::commands::publish::Publish;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;
use crate::project::Project;
use crate::project::watch::each_change_until;
use crate::scratch::Node;

/// The hosts of made-up records, a record of each in turn.
const HOSTS: [&str; 3] = ["web1", "web2", "db"];
/// Seconds of made-up records that are there from the beginning, so that windows have something in them.
const HISTORY: i64 = 300;
/// How far apart made-up records are.
const SECOND: Duration = Duration::from_secs(1);

/// Builds and deploys at each save, until Ctrl-C.
pub fn run(project: &Project, expression: Option<&str>, input: Option<&Path>) -> Result<Exit> {
    let interrupt = Interrupt::noted()?;
    let node = Node::start("dag-dev-", true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client = Client::new(&format!("http://{}", node.address), Credentials::default())?;
    output::note(&format!("a node runs at {}; --node {} talks to it", client.url(), client.url()));
    // How often something was deployed: nothing is subscribed to before.
    let (deployed, deployments) = watch::channel(0_u64);
    let ended = each_change_until(
        project,
        || interrupt.is_raised(),
        |project| {
            let first = *deployed.borrow() == 0;
            let outcome = runtime.block_on(async {
                let component = project.build()?.path;
                deploy(&client, &component).await?;
                if first {
                    let expression =
                        expression.map_or_else(|| own_example(&component), |given| Ok(given.to_owned()))?;
                    begin(&client, &expression, input, deployments.clone()).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
            match outcome {
                Ok(()) => deployed.send_modify(|times| *times += 1),
                Err(error) => output::note(&format!("error: {error:#}")),
            }
            Ok(())
        },
    );
    runtime.shutdown_background();
    node.stop()?;
    ended
}

/// Brings a component to the node. One that nothing could go on with takes the place of the one that is there all the same.
async fn deploy(client: &Client, component: &Path) -> Result<()> {
    let bytes = Bytes::from(fs::read(component).with_context(|| format!("cannot read {}", component.display()))?);
    let target = Target::new(&["components"]);
    let answer = match client.post(&target, "application/wasm", bytes.clone()).await {
        Err(error) if error.code() == Some(Code::Incompatible) => {
            output::note(&format!("{error:#}\nso what ran ends, and begins anew"));
            let name = name(component)?;
            client.delete(&Target::new(&["components", &name]).with_flag("force", true)).await?;
            client.post(&target, "application/wasm", bytes).await?
        }
        answer => answer?,
    };
    let Deployed { repeat, .. } = serde_json::from_value(answer.clone())?;
    if !repeat {
        deploy::show(answer, false)?;
    }
    Ok(())
}

/// What the component in a file is called.
fn name(component: &Path) -> Result<String> {
    let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let runtime = dag_wasm::Runtime::new(dag_wasm::RuntimeOptions::default())?;
    Ok(runtime.build(&bytes, dag_wasm::Limits::default())?.description.name)
}

/// Begins to publish records, and to show what the expression makes of them.
async fn begin(
    client: &Client,
    expression: &str,
    input: Option<&Path>,
    deployments: watch::Receiver<u64>,
) -> Result<()> {
    let stream = stream_of(expression)
        .ok_or_else(|| anyhow!("`{expression}` names no stream; one is needed that the records go to"))?;
    match input {
        Some(file) => publish_file(client, &stream, file).await?,
        None => publish_made_up(client, &stream).await?,
    }
    // What is in a file has come before anybody asks.
    let from = input.is_some().then_some("earliest");
    output::note(&format!("dag subscribe \"{expression}\""));
    tokio::spawn(show(client.clone(), expression.to_owned(), from, deployments));
    Ok(())
}

/// The first name in an expression that no parenthesis follows: where operators take a stream, it comes first.
fn stream_of(expression: &str) -> Option<String> {
    let mut rest = expression;
    while let Some(at) = rest.find(|char: char| char.is_ascii_alphabetic() || char == '_' || char == '"') {
        rest = &rest[at..];
        if let Some(quoted) = rest.strip_prefix('"') {
            return Some(quoted[..quoted.find('"')?].to_owned());
        }
        let end =
            rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != '.').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if !behind.trim_start().starts_with('(') {
            return Some(name.to_owned());
        }
        rest = behind;
    }
    None
}

/// `dag publish`, as one types it.
#[derive(Parser)]
struct Publishing {
    #[command(flatten)]
    publish: Publish,
}

async fn publish_file(client: &Client, stream: &str, file: &Path) -> Result<()> {
    let file = file.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", file.display()))?;
    let typed = ["publish", stream, file, "--create", "--history", "--done"];
    match Publishing::try_parse_from(typed)?.publish.run(client).await? {
        Exit::Interrupted => bail!("publishing {file} was interrupted"),
        _ => Ok(()),
    }
}

/// Makes up some records at once, and then one each second.
async fn publish_made_up(client: &Client, stream: &str) -> Result<()> {
    let schema = json!([{"name": "host", "type": "utf8"}, {"name": "value", "type": "float64"}]);
    create(client, json!({"name": stream, "schema": schema})).await?;
    let mut next = now();
    publish(client, stream, next - HISTORY..next).await?;
    let (client, stream) = (client.clone(), stream.to_owned());
    tokio::spawn(async move {
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            seconds.tick().await;
            let passed = next..now().max(next);
            next = passed.end;
            if let Err(error) = publish(&client, &stream, passed).await {
                output::note(&format!("error: no record could be published: {error:#}"));
            }
        }
    });
    Ok(())
}

/// Publishes the records of seconds that have passed, and that none of these will follow.
async fn publish(client: &Client, stream: &str, seconds: Range<i64>) -> Result<()> {
    let heartbeat = dag_frame::time::format(seconds.end * 1_000_000_000);
    let target = Target::new(&["streams", stream, "records"]).with("heartbeat", heartbeat);
    let records: String = seconds.map(record).collect();
    client.post(&target, "application/x-ndjson", records.into()).await?;
    Ok(())
}

/// Seconds since 1970.
fn now() -> i64 {
    Clock::start().began / 1_000_000_000
}

/// The record of a second, as a line: a value that swings and has spikes.
fn record(second: i64) -> String {
    let value = 50.0 + 30.0 * (second as f64 / 20.0).sin() + (second * 7 % 11) as f64;
    let time = dag_frame::time::format(second * 1_000_000_000);
    let host = HOSTS[second.rem_euclid(HOSTS.len() as i64) as usize];
    format!("{}\n", json!({"time": time, "host": host, "value": (value * 100.0).round() / 100.0}))
}

/// Shows what comes. A subscription that fails is made again once something else has been deployed.
async fn show(
    client: Client,
    expression: String,
    mut from: Option<&'static str>,
    mut deployments: watch::Receiver<u64>,
) {
    loop {
        deployments.borrow_and_update();
        if let Err(error) = follow(&client, &expression, from).await {
            output::note(&format!("error: {error:#}"));
        }
        from = None;
        if deployments.changed().await.is_err() {
            return;
        }
    }
}

/// Shows what comes over one subscription.
async fn follow(client: &Client, expression: &str, from: Option<&str>) -> Result<()> {
    let target = Target::new(&["subscribe"]).with("expr", expression).with("format", "json").with_some("from", from);
    let mut body = client.stream(&target).await?.into_body();
    while let Some(frame) = body.frame().await {
        match frame.map_err(|cause| client.broken(cause))?.into_data() {
            Ok(records) => output::write(&records)?,
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                let said = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
                if said("dag-end") == Some("failed") {
                    let why = percent_encoding::percent_decode_str(said("dag-message").unwrap_or("it failed"));
                    bail!("{}", why.decode_utf8_lossy());
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_to_the_first_name_that_is_no_operators() {
        let streams =
            ["avg(smooth(x, 0.2), 5s)", "x", "filter ( prod.cpu_util , value > 1)", "rms(\"cpu-util\", 10s)", "1 + 2"];
        let named = streams.map(stream_of);
        assert_eq!(
            named,
            ["x", "x", "prod.cpu_util", "cpu-util", ""]
                .map(|name| Some(name.to_owned()).filter(|name| !name.is_empty()))
        );
    }

    #[test]
    fn a_made_up_record_is_a_line_of_json() {
        let record: serde_json::Value = serde_json::from_str(&record(5)).unwrap();
        assert_eq!(record["time"], "1970-01-01T00:00:05Z");
        assert_eq!(record["host"], "db");
        assert!(record["value"].is_f64());
    }
}
