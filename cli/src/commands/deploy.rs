//! `dag deploy`: brings operators to a node.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use dag_api::limits::{CallTime, Memory, Output, Wait};
use dag_api::{Deployed, Import, Move};
use serde_json::Value;

use crate::client::{Client, Target};
use crate::commands::streams::or_dash;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// How running computations may move to another version of their operator.
#[derive(Clone, Copy, Debug, Args)]
pub struct Moving {
    /// Only show what would move, and how
    #[arg(long)]
    dry_run: bool,
    /// Refuse if anything would have to compute again what it remembers
    #[arg(long)]
    no_replay: bool,
    /// How long to wait for what moves [default: 60s]
    #[arg(long, value_name = "DURATION")]
    wait: Option<Wait>,
}

impl Moving {
    /// The request with that said.
    pub fn of(self, target: Target) -> Target {
        let target = target.with_flag("dry_run", self.dry_run).with_some("replay", self.no_replay.then_some(false));
        target.with_some("wait", self.wait)
    }
}

/// Bring operators to a running node
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag deploy my_ops.wasm
  dag deploy target/wasm32-unknown-unknown/release/my_ops.wasm --json
  dag deploy my_ops.wasm --memory 1GiB --time 2s
  dag deploy my_ops.wasm --dry-run

A file is a component, or the core module that cargo builds from a crate with dag's SDK.
Limits that are given hold for what starts from now on; deploying the same file again with others changes them.
What runs an earlier version moves to this one, with its state where this one reads that, else by replay of its input."#)]
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
    #[command(flatten)]
    moving: Moving,
    /// Print the node's answers as JSON, one after the other
    #[arg(long)]
    json: bool,
}

impl Deploy {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let mut exit = Exit::Done;
        for file in &self.files {
            let shown = file.display();
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
            let target = Target::new(&["components"])
                .with_some("memory", self.memory)
                .with_some("time", self.time)
                .with_some("output", self.output);
            let answer = client.post(&self.moving.of(target), "application/wasm", bytes.into()).await;
            let answer = answer.with_context(|| format!("cannot deploy {shown}"))?;
            if show(answer, self.json)? == Exit::Failed {
                exit = Exit::Failed;
            }
        }
        Ok(exit)
    }
}

/// Prints what became current and what moved. Failed where something that runs could not move.
pub fn show(answer: Value, json: bool) -> anyhow::Result<Exit> {
    let deployed: Deployed = serde_json::from_value(answer.clone())?;
    if json {
        output::json(&answer)?;
    } else {
        output::text(&text(&deployed))?;
    }
    let stayed = deployed.moves.iter().filter_map(|one| one.error.as_ref().map(|why| (one, why)));
    let mut exit = Exit::Done;
    for (one, why) in stayed {
        output::note(&format!("{} (incarnation {}): {why}", one.stream, one.incarnation));
        if one.by.is_none() {
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

fn text(deployed: &Deployed) -> String {
    let digest = &deployed.digest[..deployed.digest.len().min(12)];
    let place = match &deployed.replaces {
        _ if deployed.repeat => ", as before".to_owned(),
        Some(earlier) if deployed.dry_run => format!(" would take the place of {earlier}"),
        Some(earlier) => format!(" takes the place of {earlier}"),
        None if deployed.dry_run => " would be there".to_owned(),
        None => String::new(),
    };
    let mut text = format!("{} {} ({digest}){place}\n", deployed.component, deployed.version);
    for operator in &deployed.operators {
        text += &format!("  {}\n", operator.usage);
        if !operator.doc.is_empty() {
            text += &format!("      {}\n", operator.doc);
        }
        if !operator.example.is_empty() {
            text += &format!("      dag subscribe \"{}\"\n", operator.example);
        }
    }
    text += &imports(&deployed.imports);
    let started = if deployed.dry_run { "would start" } else { "started" };
    for stream in &deployed.started {
        text += &format!("{started} {stream}\n");
    }
    if !deployed.moves.is_empty() {
        text += &format!("\n{}", moves(&deployed.moves));
    }
    text
}

/// What a component imports besides dag's own interface, by how it is answered; nothing where there is no such.
pub fn imports(imports: &[Import]) -> String {
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| import.answer != "host") {
        answers.entry(&import.says).or_default().push(&import.name);
    }
    if answers.is_empty() {
        return String::new();
    }
    let mut text = "\nit imports WASI, with nothing of the world behind it:\n".to_owned();
    for (says, names) in answers {
        text += &format!("  {says}\n");
        names.iter().for_each(|name| text += &format!("      {name}\n"));
    }
    text
}

fn moves(moves: &[Move]) -> String {
    let mut listing = Listing::new(&["COMPUTATION", "INCARNATION", "FROM", "BY", "AT", "TOOK"]);
    for one in moves {
        let replays = one.replay.iter().map(|replay| match &replay.time {
            Some(time) => format!("replay of {} from {} on ({time})", replay.stream, replay.position),
            None => format!("replay of {} from {} on", replay.stream, replay.position),
        });
        let by = match (one.by.as_deref(), replays.collect::<Vec<_>>()) {
            (Some("replay"), replays) if !replays.is_empty() => replays.join(", "),
            (Some(by), _) => by.to_owned(),
            (None, _) => "stays".to_owned(),
        };
        let took = one.took.map_or_else(|| "-".to_owned(), |took| format!("{:.1} ms", took * 1e3));
        let (number, from) = (one.incarnation.to_string(), one.version.clone());
        listing.row(vec![one.stream.clone(), number, from, by, or_dash(&one.at), took]);
    }
    listing.render()
}
