//! `dag rollback`: goes back to the version of an operator that was current before.

use clap::Args;

use crate::client::{Client, Target};
use crate::commands::deploy::{self, Moving};
use crate::exit::Exit;

/// Go back to the version of an operator that was current before
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag rollback rms
  dag rollback rms --dry-run
  dag operators rms

The whole component goes back that exports the operator. What runs the later version moves to the earlier one, with its state where
that reads it, else by replay of its input. The later version can be deployed again."#)]
pub struct Rollback {
    /// The operator, or component.operator
    operator: String,
    #[command(flatten)]
    moving: Moving,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Rollback {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let target = self.moving.of(Target::new(&["operators", &self.operator, "rollback"]));
        deploy::show(client.post(&target, "application/json", Default::default()).await?, self.json)
    }
}
