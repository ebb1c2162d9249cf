//! `dag operators`: what can be applied to streams, in which versions.

use std::collections::BTreeSet;

use clap::Args;
use dag_api::{Operator, OperatorVersions};

use crate::client::{Client, Target};
use crate::commands::deploy::imports;
use crate::commands::streams::or_dash;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// List the operators that can be applied to streams
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag operators
  dag operators avg
  dag operators --json"#)]
pub struct Operators {
    /// Show one operator: its parameters, its versions, and where each runs
    name: Option<String>,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Operators {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let path = ["operators"].into_iter().chain(self.name.as_deref());
        let answer = client.get(&Target::new(&path.collect::<Vec<_>>())).await?;
        if self.json {
            output::json(&answer)?;
        } else if self.name.is_some() {
            output::text(&details(&serde_json::from_value(answer)?))?;
        } else {
            let all: dag_api::Operators = serde_json::from_value(answer)?;
            output::text(&listing(&all.operators))?;
        }
        Ok(Exit::Done)
    }
}

fn listing(operators: &[Operator]) -> String {
    let mut listing = Listing::new(&["NAME", "COMPONENT", "USAGE"]);
    for operator in operators {
        let component = format!("{} {}", operator.component, operator.version);
        let usage = if operator.unavailable.is_some() { "unavailable".to_owned() } else { operator.usage.clone() };
        listing.row(vec![operator.name.clone(), component, usage]);
    }
    let mut text = listing.render();
    let why: BTreeSet<&str> = operators.iter().filter_map(|operator| operator.unavailable.as_deref()).collect();
    why.iter().for_each(|why| text += &format!("\n{why}\n"));
    text
}

fn details(versions: &OperatorVersions) -> String {
    let mut text = match &versions.operator {
        Some(operator) => usage(operator),
        None => format!("{}: the current version of {} does not export it\n", versions.name, versions.component),
    };
    let mut listing = Listing::new(&["VERSION", "", "SINCE", "DIGEST", "STATE", "READS"]);
    for version in &versions.versions {
        let reads: Vec<String> = version.state_read.iter().map(u32::to_string).collect();
        listing.row(vec![
            format!("{} {}", versions.component, version.version),
            if version.current { "current" } else { "" }.to_owned(),
            format!("{} ({})", or_dash(&version.deployed), version.how),
            version.digest[..version.digest.len().min(12)].to_owned(),
            version.state_written.map_or_else(|| "-".to_owned(), |version| version.to_string()),
            if reads.is_empty() { "-".to_owned() } else { reads.join(", ") },
        ]);
    }
    text += &format!("\n{}", listing.render());
    text += &imports(&versions.imports);
    let places = versions.versions.iter().flat_map(|version| version.runs.iter().map(move |place| (version, place)));
    let mut listing = Listing::new(&["COMPUTATION", "INCARNATION", "STATE", "VERSION"]);
    let mut any = false;
    for (version, place) in places {
        let incarnation = place.incarnation.to_string();
        listing.row(vec![place.stream.clone(), incarnation, place.state.clone(), version.version.clone()]);
        any = true;
    }
    if any {
        text += &format!("\n{}", listing.render());
    }
    text
}

fn usage(operator: &Operator) -> String {
    let mut text = format!("{}\n", operator.usage);
    if let Some(why) = &operator.unavailable {
        text += &format!("    unavailable: {why}\n");
    }
    if !operator.doc.is_empty() {
        text += &format!("    {}\n", operator.doc);
    }
    for parameter in &operator.parameters {
        let need = match &parameter.default {
            _ if parameter.required => "required".to_owned(),
            Some(default) => format!("default {default}"),
            None => "optional".to_owned(),
        };
        text += &format!("\n    {} ({}, {need})\n", parameter.name, parameter.kind);
        if !parameter.doc.is_empty() {
            text += &format!("        {}\n", parameter.doc);
        }
    }
    if !operator.example.is_empty() {
        text += &format!("\n    dag subscribe \"{}\"\n", operator.example);
    }
    text
}
