//! `dag backup`: copies a running node's data.

use std::path::{PathBuf, absolute};

use clap::Args;
use dag_api::BackedUp;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output;

/// Copy a running node's data into another folder
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag serve --backup-dir /mnt/backup     (when the node is started)
  dag backup /mnt/backup/dag
  dag serve --data /mnt/backup/dag

The node writes it, so the folder is one of its machine, and lies in one that the node was started with as --backup-dir. The same command again copies only what is new; one that was interrupted is
completed. A node that is started on the copy makes it data of its own: no backup is made over it after that."#)]
pub struct Backup {
    /// An empty folder, or one that holds an earlier backup of the same data
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let request = serde_json::json!({ "directory": absolute(&self.folder)? });
        let answer = client.post(&Target::new(&["backup"]), "application/json", request.to_string().into()).await?;
        if self.json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        let done: BackedUp = serde_json::from_value(answer)?;
        output::line(&format!(
            "{}: {} and {}, {} bytes copied, {} bytes reused, in {:.1} s",
            done.directory,
            output::count(done.sources, "source"),
            output::count(done.derived, "derived stream"),
            done.written,
            done.reused,
            done.seconds
        ))?;
        Ok(Exit::Done)
    }
}
