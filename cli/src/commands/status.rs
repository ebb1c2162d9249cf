//! `dag status`: the node and what it computes.

use std::time::Duration;

use clap::Args;
use dag_api::{Computation, GuestThreads, Held, SharedMemory, StatusParameters};

use crate::client::{Client, Target};
use crate::commands::cursors;
use crate::commands::streams::or_dash;
use crate::duration;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// Show the node and what it computes now
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag status
  dag status --computations 5000
  dag status --json
  dag status --node http://127.0.0.1:7400"#)]
pub struct Status {
    /// How many computations to list at most; what has failed and what waits comes first
    #[arg(long, value_name = "NUMBER", default_value_t = StatusParameters::default().computations)]
    computations: usize,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let answer = client.get(&Target::new(&["status"]).with("computations", self.computations)).await?;
        if self.json {
            output::json(&answer)?;
        } else {
            output::text(&show(&serde_json::from_value(answer)?))?;
        }
        Ok(Exit::Done)
    }
}

fn show(status: &dag_api::Status) -> String {
    let mut text = output::facts(&[
        ("node", format!("{} (pid {})", status.listen, status.pid)),
        ("version", status.version.clone()),
        ("data", status.data.clone()),
        ("up for", duration::shown(Duration::from_secs(status.uptime as u64))),
        ("workers", status.workers.to_string()),
        ("threads for operators", threads(&status.guests)),
        ("subscribers", status.subscribers.to_string()),
        ("memory", output::bytes(status.memory)),
        ("requests", shared(status.requests)),
        ("memory of computations", shared(status.computation_memory)),
        ("instances", format!("{} of operators; at most {}", status.instances, status.instances_limit)),
        ("computations", status.computations_total.max(status.computations.len()).to_string()),
    ]);
    for why in status.unavailable.values() {
        text += &format!("\n{why}\n");
    }
    if !status.cursors.is_empty() {
        text += "\n";
        text += &cursors::listing(&status.cursors);
    }
    if !status.computations.is_empty() {
        text += "\n";
        text += &computations(&status.computations);
    }
    let more = status.computations_total.saturating_sub(status.computations.len());
    if more > 0 {
        text += &format!("\n{more} computations more: dag status --computations {}\n", status.computations_total);
    }
    for computation in &status.computations {
        let trouble = computation.error.as_ref().or(computation.waiting.as_ref());
        if let Some(trouble) = trouble {
            text += &format!("\n{}: {trouble}\n", computation.stream);
        }
    }
    text
}

fn computations(computations: &[Computation]) -> String {
    let mut listing = Listing::new(&[
        "COMPUTATION",
        "STATE",
        "OPERATOR",
        "USERS",
        "IN",
        "OUT",
        "MEMORY",
        "NEAREST LIMIT",
        "FRONTIER",
    ]);
    for computation in computations {
        listing.row(vec![
            computation.stream.clone(),
            computation.state.clone(),
            computation.operator.clone(),
            computation.users.to_string(),
            computation.records_in.to_string(),
            computation.records_out.to_string(),
            computation.memory.as_ref().map_or_else(|| "-".to_owned(), held),
            computation.memory.as_ref().map_or_else(|| "-".to_owned(), nearest),
            or_dash(&computation.frontier),
        ]);
    }
    listing.render()
}

/// How many threads for operators there are, and whether they are enough.
fn threads(guests: &GuestThreads) -> String {
    match guests.waiting {
        0 => format!("{} of {}", guests.threads, guests.limit),
        waiting => format!("{} of {}, {waiting} computations wait for one", guests.threads, guests.limit),
    }
}

/// What of memory that several have is taken.
fn shared(memory: SharedMemory) -> String {
    format!("{} of {}", output::bytes(memory.taken), output::bytes(memory.limit))
}

/// The bytes that a computation holds beside its budget.
fn held(memory: &Held) -> String {
    format!("{} of {}", output::bytes(memory.bytes), output::bytes(memory.budget))
}

/// How much of the limit that it is nearest to a computation has come to.
fn nearest(memory: &Held) -> String {
    let limit = memory.limits.iter().find(|limit| limit.name == memory.nearest);
    limit.map_or_else(|| "-".to_owned(), |limit| format!("{} {} %", limit.name, limit.bytes * 100 / limit.limit.max(1)))
}
