//! `dag undeploy`: removes a component.

use clap::Args;
use dag_api::Undeployed;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output;

/// Remove a component, all its versions and all its operators
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag undeploy electric
  dag undeploy electric --dry-run
  dag undeploy electric --force

The component is named as `dag operators` shows it. It is not removed while a computation runs with it or a cursor is in a stream that it
computed; --force ends the computations, whose subscribers are told. `dag rollback` goes back to the version before instead."#)]
pub struct Undeploy {
    /// The component's name, or the digest that `dag status` shows of one that cannot be read
    component: String,
    /// Remove it although something uses it
    #[arg(long)]
    force: bool,
    /// Only show what would be removed and ended
    #[arg(long)]
    dry_run: bool,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Undeploy {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let target = Target::new(&["components", &self.component]).with_flag("force", self.force);
        let answer = client.delete(&target.with_flag("dry_run", self.dry_run)).await?;
        if self.json {
            output::json(&answer)?;
        } else {
            output::write(text(&serde_json::from_value(answer)?).as_bytes())?;
        }
        Ok(Exit::Done)
    }
}

fn text(undeployed: &Undeployed) -> String {
    let (removed, ended) = match undeployed.dry_run {
        true => ("would be removed", "would end"),
        false => ("removed", "ended"),
    };
    let mut text = format!("{} {} {removed}\n", undeployed.component, undeployed.versions.join(", "));
    undeployed.operators.iter().for_each(|operator| text += &format!("  {operator}\n"));
    undeployed.stopped.iter().for_each(|stream| text += &format!("{ended} {stream}\n"));
    text
}
