//! `dag delete`: removes a stream and its records.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use dag_api::Deleted;

use crate::client::{Client, Target};
use crate::exit::{Exit, misuse};
use crate::output;

/// Delete a stream, its records, and what is stored of the streams computed from it
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag delete cpu_util
  dag delete cpu_util --dry-run
  dag delete "avg(cpu_util, 5min)" --yes
  dag delete cpu_util --yes --force

A source is named as `dag streams` shows it, whether it can be opened or not; a derived stream by its expression, and what is stored of it
is computed again when somebody subscribes. A stream is not deleted while somebody reads it, something is computed from it, or a cursor is in
it: --force ends all that. Nothing brings it back but a backup."#)]
pub struct Delete {
    /// The stream: a name, or an expression
    stream: String,
    /// Delete it without asking
    #[arg(long, short)]
    yes: bool,
    /// Delete it although something uses it
    #[arg(long)]
    force: bool,
    /// Only show what would be deleted and ended
    #[arg(long)]
    dry_run: bool,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Delete {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let target = |dry_run| {
            let target = Target::new(&["streams", &self.stream]).with_flag("force", self.force);
            target.with_flag("dry_run", dry_run)
        };
        if !self.dry_run && !self.yes {
            if !io::stdin().is_terminal() {
                return Err(misuse("nothing was deleted: say --yes where nobody can be asked"));
            }
            let would: Deleted = serde_json::from_value(client.delete(&target(true)).await?)?;
            if !is_confirmed(&would)? {
                output::line("nothing was deleted")?;
                return Ok(Exit::Failed);
            }
        }
        let answer = client.delete(&target(self.dry_run)).await?;
        match self.json {
            true => output::json(&answer)?,
            false => output::write(text(&serde_json::from_value(answer)?).as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

/// Asks whoever is at the terminal.
fn is_confirmed(would: &Deleted) -> io::Result<bool> {
    eprint!("{}Delete `{}`? [y/N] ", text(would), would.stream);
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn text(deleted: &Deleted) -> String {
    let (goes, ends) = match deleted.dry_run {
        true => ("would be deleted", "would end"),
        false => ("deleted", "ended"),
    };
    let mut text = format!("{} {goes}\n", deleted.stream);
    deleted.derived.iter().for_each(|derived| text += &format!("  with it what is stored of {derived}\n"));
    deleted.cursors.iter().for_each(|cursor| text += &format!("  with it cursor {cursor}\n"));
    deleted.stopped.iter().for_each(|stream| text += &format!("{ends} {stream}\n"));
    if deleted.readers > 0 {
        text += &format!("{ends} {}\n", output::count(deleted.readers as u64, "subscription"));
    }
    text
}
