//! The half minute: subscribers come and go, and so does the computation.

use std::time::Duration;

use anyhow::{Context, bail};
use dag_api::Status;
use dag_codec::{Chunk, Splitter};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::publisher::{Publisher, STREAM};
use crate::client::{Client, Credentials, Target};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;
use crate::scratch::Node;

/// How long anything that should happen may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the number of computations is looked at while it is expected to change.
const LOOK: Duration = Duration::from_millis(50);

/// Shows it all; Ctrl-C ends it at any moment.
pub async fn run(node: &Node, interrupt: Interrupt) -> anyhow::Result<Exit> {
    let client = Client::new(&format!("http://{}", node.address), Credentials::default())?;
    let mut publisher = Publisher::begin(&client, interrupt.clone()).await?;
    let mut raised = interrupt;
    let tour = Tour { client: &client, began: Instant::now() };
    let outcome = tokio::select! {
        shown = tour.show(node) => shown.map(|()| Exit::Done),
        failed = publisher.run() => failed.map(|()| Exit::Done),
        () = raised.raised() => Ok(Exit::Interrupted),
    }?;
    publisher.leave().await?;
    Ok(outcome)
}

struct Tour<'a> {
    client: &'a Client,
    began: Instant,
}

impl Tour<'_> {
    async fn show(&self, node: &Node) -> anyhow::Result<()> {
        self.say(&format!("a node runs at http://{}, data in {}", node.address, node.data.path().display()))?;
        self.say(&format!("this machine's CPU load is published to {STREAM} once a second"))?;
        sleep(Duration::from_secs(2)).await;
        self.computations(0, "nobody has asked for anything").await?;

        let (results, mut incoming) = mpsc::channel(16);
        let first = self.subscribe("first", "avg(cpu_util, 5s)", &results)?;
        self.computations(1, "because somebody listens").await?;
        self.results(&mut incoming, 1).await?;

        let second = self.subscribe("second", "avg( cpu_util , 5 sec )", &results)?;
        // The newest result at once, then two windows for both.
        self.results(&mut incoming, 5).await?;
        self.computations(1, "another spelling of the same stream shares it").await?;

        self.leave("first", first).await?;
        self.computations(1, "the second still listens").await?;
        self.results(&mut incoming, 1).await?;

        self.leave("second", second).await?;
        self.computations(0, "nobody listens, so after 5 seconds it stopped").await?;
        self.say("that is all; `dag serve` runs a node to keep, `dag demo --publish-only` publishes to it")
    }

    /// Prints a line with the time since the beginning.
    fn say(&self, text: &str) -> anyhow::Result<()> {
        Ok(output::line(&format!("{:5.1} s  {text}", self.began.elapsed().as_secs_f64()))?)
    }

    /// Waits until so many computations run.
    async fn computations(&self, expected: usize, why: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status: Status = serde_json::from_value(self.client.get(&Target::new(&["status"])).await?)?;
            let found = status.computations.len();
            if found == expected {
                return self.say(&format!("computations: {found} ({why})"));
            }
            if Instant::now() > deadline {
                bail!("{found} computations where {expected} were expected");
            }
            sleep(LOOK).await;
        }
    }

    /// Shows so many results, whoever gets them.
    async fn results(&self, incoming: &mut mpsc::Receiver<(&'static str, Value)>, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let next = timeout(PATIENCE, incoming.recv()).await;
            let (subscriber, record) = next.ok().flatten().context("no result came")?;
            let time = record["time"].as_str().unwrap_or_default();
            let value = record["value"].as_f64().unwrap_or_default();
            self.say(&format!("    {subscriber:<6}  {time}  {value:6.2} %"))?;
        }
        Ok(())
    }

    /// A subscriber that sends on what it gets.
    fn subscribe(
        &self,
        who: &'static str,
        expression: &str,
        results: &mpsc::Sender<(&'static str, Value)>,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        self.say(&format!("{who} subscriber: dag subscribe \"{expression}\""))?;
        let target = Target::new(&["subscribe"]).with("expr", expression).with("format", "json");
        let (client, results) = (self.client.clone(), results.clone());
        Ok(tokio::spawn(async move {
            let mut body = client.stream(&target).await?.into_body();
            let mut lines = Splitter::ndjson();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
                lines.push(&data);
                while let Some(Chunk { bytes, .. }) = lines.next_chunk(1) {
                    results.send((who, serde_json::from_slice(&bytes)?)).await?;
                }
            }
            Ok(())
        }))
    }

    async fn leave(&self, who: &str, subscriber: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
        if subscriber.is_finished() {
            subscriber.await??;
            bail!("the {who} subscription ended by itself");
        }
        subscriber.abort();
        self.say(&format!("{who} subscriber leaves"))
    }
}
