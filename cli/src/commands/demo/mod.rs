//! `dag demo`: the main job in half a minute, on this machine's own CPU load.
//!
//! [`cpu`] reads the load, [`publisher`] publishes it, and [`tour`] shows what happens.

mod cpu;
mod publisher;
mod tour;

use clap::Args;

use crate::client::Client;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;
use crate::scratch::Node;

/// Show on this machine's own CPU load how computations come and go
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag demo
  dag demo --publish-only
  dag subscribe "avg(cpu_util, 10s)"

The demo takes half a minute, on a node of its own that leaves nothing behind. With --publish-only it is a publisher that runs until
Ctrl-C, for subscriptions of your own."#)]
pub struct Demo {
    /// Only publish the load to cpu_util on a running node, once a second
    #[arg(long)]
    publish_only: bool,
}

impl Demo {
    /// Runs the command.
    pub fn run(self, client: impl FnOnce() -> anyhow::Result<Client>) -> anyhow::Result<Exit> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let interrupt = Interrupt::noted()?;
        if self.publish_only {
            runtime.block_on(publish_only(&client()?, interrupt))
        } else {
            let node = Node::start("dag-demo-", false)?;
            let toured = runtime.block_on(tour::run(&node, interrupt));
            node.stop()?;
            toured
        }
    }
}

async fn publish_only(client: &Client, interrupt: Interrupt) -> anyhow::Result<Exit> {
    let mut publisher = publisher::Publisher::begin(client, interrupt.clone()).await?;
    output::note(&format!(
        "publishing this machine's CPU load to {} at {}; Ctrl-C ends it",
        publisher::STREAM,
        client.url()
    ));
    let mut raised = interrupt;
    tokio::select! {
        failed = publisher.run() => failed?,
        () = raised.raised() => {}
    }
    publisher.leave().await?;
    Ok(Exit::Interrupted)
}
