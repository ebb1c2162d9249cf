//! `dag explain`: why there is no output.

use clap::Args;
use dag_api::Explanation;

use crate::client::{Client, Target};
use crate::commands::streams::or_dash;
use crate::exit::Exit;
use crate::output::{self, Listing};

/// Tell why a stream has no output, without making it run
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag explain "avg(cpu_util, 5min)"
  dag explain "join(cpu as c, mem as m, on=host, within=1min)" --json"#)]
pub struct Explain {
    /// The stream
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Print the node's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Explain {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let answer = client.get(&Target::new(&["explain"]).with("expr", &self.expression)).await?;
        if self.json {
            output::json(&answer)?;
        } else {
            output::text(&show(&serde_json::from_value(answer)?))?;
        }
        Ok(Exit::Done)
    }
}

fn show(explanation: &Explanation) -> String {
    let mut listing =
        Listing::new(&["STREAM", "KIND", "STATE", "IN", "OUT", "LATE", "REFUSED", "LAST", "FRONTIER", "NEXT"]);
    for stream in &explanation.streams {
        listing.row(vec![
            stream.stream.clone(),
            stream.kind.clone(),
            stream.state.clone(),
            stream.records_in.to_string(),
            stream.records_out.to_string(),
            stream.late.to_string(),
            stream.refused.to_string(),
            or_dash(&stream.last_time),
            or_dash(&stream.frontier),
            or_dash(&stream.next),
        ]);
    }
    let mut text = format!("{}, by the node's clock {}\n\n{}", explanation.stream, explanation.clock, listing.render());
    let causes = explanation.streams.iter().filter_map(|stream| Some((&stream.stream, stream.cause.as_ref()?)));
    for (stream, cause) in causes {
        text += &format!("\n{stream}: {cause}");
    }
    for record in explanation.streams.iter().flat_map(|stream| &stream.skipped) {
        text += &format!("\nskips {} of {}: {}", record.position, record.stream, record.why);
    }
    text + "\n"
}
