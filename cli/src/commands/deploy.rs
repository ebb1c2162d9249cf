//! `dag deploy`: brings operators to a node.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output;
use dag_node::api::Deployed;
use dag_node::limits::{CallTime, Memory, Output};

/// Bring operators to a running node
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag deploy my_ops.wasm
  dag deploy target/wasm32-unknown-unknown/release/my_ops.wasm --json
  dag deploy my_ops.wasm --memory 1GiB --time 2s

A file is a component, or the core module that cargo builds from a crate with dag's SDK.
Limits that are given hold for what starts from now on; deploying the same file again with others changes them."#)]
pub struct Deploy {
    /// Components to deploy, in this order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Memory that one instance of their operators may have [default: as the node says]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Time that one call may take [default: as the node says]
    #[arg(long, value_name = "DURATION")]
    time: Option<CallTime>,
    /// What one call may return [default: as the node says]
    #[arg(long, value_name = "SIZE")]
    output: Option<Output>,
    /// Print the node's answers as JSON, one after the other
    #[arg(long)]
    json: bool,
}

impl Deploy {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        for file in &self.files {
            let shown = file.display();
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
            let target = Target::new(&["components"])
                .with_some("memory", self.memory)
                .with_some("time", self.time)
                .with_some("output", self.output);
            let answer = client.post(&target, "application/wasm", bytes.into()).await;
            let answer = answer.with_context(|| format!("cannot deploy {shown}"))?;
            self.show(answer)?;
        }
        Ok(Exit::Done)
    }

    fn show(&self, answer: Value) -> anyhow::Result<()> {
        if self.json {
            return Ok(output::json(&answer)?);
        }
        let deployed: Deployed = serde_json::from_value(answer)?;
        let before = if deployed.repeat { ", as before" } else { "" };
        let digest = &deployed.digest[..deployed.digest.len().min(12)];
        output::line(&format!("{} {} ({digest}){before}", deployed.component, deployed.version))?;
        for operator in deployed.operators {
            output::line(&format!("  {}", operator.usage))?;
            if !operator.doc.is_empty() {
                output::line(&format!("      {}", operator.doc))?;
            }
            if !operator.example.is_empty() {
                output::line(&format!("      dag subscribe \"{}\"", operator.example))?;
            }
        }
        for stream in deployed.started {
            output::line(&format!("started {stream}"))?;
        }
        Ok(())
    }
}
