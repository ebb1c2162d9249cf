//! `dag deploy`: brings operators to a node.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output;
use dag_node::api::Deployed;

/// Bring operators to a running node
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag deploy my_ops.wasm
  dag deploy target/wasm32-unknown-unknown/release/my_ops.wasm --json

A file is a component, or the core module that cargo builds from a crate with dag's SDK."#)]
pub struct Deploy {
    /// Components to deploy, in this order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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
            let answer = client.post(&Target::new(&["components"]), "application/wasm", bytes.into()).await;
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
