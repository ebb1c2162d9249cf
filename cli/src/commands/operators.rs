//! `dag operators`: what can be applied to streams.

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output::{self, Listing};
use dag_node::api::{self, Operator};

/// List the operators that can be applied to streams
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag operators
  dag operators avg
  dag operators --json"#)]
pub struct Operators {
    /// Show one operator and its parameters
    name: Option<String>,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Operators {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let mut answer = client.get(&Target::new(&["operators"])).await?;
        if let Some(name) = &self.name {
            keep(&mut answer, name);
        }
        let operators: api::Operators = serde_json::from_value(answer.clone())?;
        match &self.name {
            Some(name) if operators.operators.is_empty() => {
                bail!("unknown operator `{name}`: `dag operators` lists those that are deployed")
            }
            _ if self.json => output::json(&answer)?,
            Some(_) => {
                output::write(operators.operators.iter().map(details).collect::<Vec<_>>().join("\n").as_bytes())?
            }
            None => output::write(listing(&operators.operators).as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

/// Keeps the operators of that name, or of that `component.operator`.
fn keep(answer: &mut Value, name: &str) {
    if let Some(operators) = answer["operators"].as_array_mut() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        operators.retain(|operator| {
            let own = text(&operator["name"]);
            own == name || format!("{}.{own}", text(&operator["component"])) == name
        });
    }
}

fn listing(operators: &[Operator]) -> String {
    let mut listing = Listing::new(&["NAME", "COMPONENT", "USAGE"]);
    for operator in operators {
        let component = format!("{} {}", operator.component, operator.version);
        listing.row(vec![operator.name.clone(), component, operator.usage.clone()]);
    }
    listing.render()
}

fn details(operator: &Operator) -> String {
    let mut text = format!("{}\n", operator.usage);
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
    let digest = &operator.digest[..operator.digest.len().min(12)];
    text + &format!("\n    {}, from {} {} ({digest})\n", operator.kind, operator.component, operator.version)
}
