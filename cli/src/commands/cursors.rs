//! `dag cursors`: where named readers are.

use clap::{Args, Subcommand};
use dag_api::{Cursor, ResetCursor};
use serde_json::Value;

use crate::client::{Client, Target};
use crate::commands::streams::or_dash;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// List named cursors, or show, move and delete one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = r#"Examples:
  dag subscribe "avg(cpu_util, 5min)" --cursor billing
  dag cursors
  dag cursors show billing
  dag cursors reset billing --to earliest
  dag cursors delete billing"#
)]
pub struct Cursors {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print the node's answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show one cursor
    Show {
        /// The cursor
        name: String,
    },
    /// Move a cursor; whoever reads with it is sent away
    Reset {
        /// The cursor
        name: String,
        /// Where to: earliest, latest, newest, a time, or the position of the next record wanted
        #[arg(long, value_name = "WHERE")]
        to: String,
    },
    /// Delete a cursor; whoever reads with it is sent away
    Delete {
        /// The cursor
        name: String,
    },
}

impl Cursors {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let at = |name: &str| Target::new(&["cursors", name]);
        let (answer, done) = match &self.action {
            None => (client.get(&Target::new(&["cursors"])).await?, None),
            Some(Action::Show { name }) => (client.get(&at(name)).await?, None),
            Some(Action::Reset { name, to }) => {
                let body = serde_json::to_vec(&ResetCursor { to: to.clone() })?;
                (client.put(&at(name), "application/json", body.into()).await?, Some("goes on at"))
            }
            Some(Action::Delete { name }) => (client.delete(&at(name)).await?, Some("deleted; it was at")),
        };
        match (self.json, done) {
            (true, _) => output::json(&answer)?,
            (false, Some(done)) => {
                let cursor: Cursor = serde_json::from_value(answer)?;
                output::line(&format!("{} of {}: {done} {}", cursor.name, cursor.stream, cursor.next))?;
            }
            (false, None) => output::text(&show(self.action.is_some(), answer)?)?,
        }
        Ok(Exit::Done)
    }
}

fn show(one: bool, answer: Value) -> anyhow::Result<String> {
    if one {
        return Ok(details(&serde_json::from_value(answer)?));
    }
    let cursors: dag_api::Cursors = serde_json::from_value(answer)?;
    Ok(listing(&cursors.cursors))
}

/// Cursors as a table.
pub fn listing(cursors: &[Cursor]) -> String {
    let mut listing = Listing::new(&["CURSOR", "STREAM", "STATE", "NEXT", "LAG", "ACKNOWLEDGED"]);
    for cursor in cursors {
        listing.row(vec![
            cursor.name.clone(),
            cursor.stream.clone(),
            cursor.state.clone(),
            cursor.next.clone(),
            lag(cursor),
            or_dash(&cursor.acknowledged),
        ]);
    }
    listing.render()
}

fn details(cursor: &Cursor) -> String {
    let mut facts = vec![
        ("cursor", cursor.name.clone()),
        ("stream", cursor.stream.clone()),
        ("state", cursor.state.clone()),
        ("next", cursor.next.clone()),
        ("lag", lag(cursor)),
        ("created", cursor.created.clone()),
        ("acknowledged", or_dash(&cursor.acknowledged)),
    ];
    if cursor.lost > 0 {
        facts.push(("lost", output::count(cursor.lost, "record")));
    }
    output::facts(&facts)
}

fn lag(cursor: &Cursor) -> String {
    or_dash(&cursor.lag.map(|lag| lag.to_string()))
}
