//! `dag streams`: what is published and what is derived from it.

use clap::Args;
use dag_api::Stream;

use crate::client::{Client, Target};
use crate::commands::create::columns;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// List streams, or show one
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag streams
  dag streams cpu_util
  dag streams "avg(cpu_util, 5min)" --json"#)]
pub struct Streams {
    /// The stream to show
    name: Option<String>,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Streams {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let target = match &self.name {
            Some(name) => Target::new(&["streams", name]),
            None => Target::new(&["streams"]),
        };
        let answer = client.get(&target).await?;
        if self.json {
            output::json(&answer)?;
        } else if self.name.is_some() {
            output::text(&details(&serde_json::from_value(answer)?))?;
        } else {
            let streams: dag_api::Streams = serde_json::from_value(answer)?;
            output::text(&listing(&streams.streams))?;
        }
        Ok(Exit::Done)
    }
}

fn listing(streams: &[Stream]) -> String {
    let mut listing =
        Listing::new(&["STREAM", "KIND", "STATE", "RECORDS", "LATE", "SIZE", "SUBSCRIBERS", "LAST", "FRONTIER"]);
    for stream in streams {
        listing.row(vec![
            stream.name.clone(),
            stream.kind.clone(),
            stream.state.clone(),
            stream.records.to_string(),
            stream.late.to_string(),
            output::bytes(stream.bytes),
            stream.subscribers.to_string(),
            or_dash(&stream.last_time),
            or_dash(&stream.frontier),
        ]);
    }
    listing.render()
}

fn details(stream: &Stream) -> String {
    let mut facts = vec![
        ("stream", stream.name.clone()),
        ("kind", stream.kind.clone()),
        ("state", stream.state.clone()),
        ("columns", columns(&stream.schema)),
        ("records", stream.records.to_string()),
        ("late", stream.late.to_string()),
        ("size", output::bytes(stream.bytes)),
        ("subscribers", stream.subscribers.to_string()),
        ("earliest", or_dash(&stream.earliest)),
        ("last", or_dash(&stream.last_time)),
        ("frontier", or_dash(&stream.frontier)),
    ];
    if let Some(settings) = &stream.settings {
        let time = match &settings.time {
            None => "when they arrive".to_owned(),
            Some(time) => {
                let column = time.column.as_deref().unwrap_or("time, timestamp or ts");
                format!("{column}, integers in {}", time.unit)
            }
        };
        facts.push(("time", time));
        facts.push(("out of order", settings.out_of_order.clone()));
        facts.push(("idle", settings.idle.clone()));
    }
    let mut text = output::facts(&facts);
    if let Some(note) = &stream.note {
        text += &format!("\n{note}\n");
    }
    if !stream.publishers.is_empty() {
        let mut publishers = Listing::new(&["PUBLISHER", "BOUND", "JOINED", "IDLE AT"]);
        for publisher in &stream.publishers {
            let (joined, idle_at) = (publisher.joined.clone(), publisher.idle_at.clone());
            publishers.row(vec![publisher.name.clone(), or_dash(&publisher.bound), joined, idle_at]);
        }
        text += "\n";
        text += &publishers.render();
    }
    text
}

/// The text, or what stands for none.
pub fn or_dash(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "-".to_owned())
}
