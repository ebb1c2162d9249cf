//! A whole node for the length of one input: what `dag pipe` does.
//!
//!     cargo run -p dag-node --example pipe
//!
//! The input is published to a source without a name, the expression is demanded of it, and what comes out is written; the node is in this
//! process, has a folder of its own, and is gone afterwards.

use dag_codec::Format;
use dag_node::pipe::{self, PipeOptions};

const ORDERS: &str = "time,shop,value\n0,north,1\n10,south,20\n59,north,2\n60,north,5\n";

#[tokio::main]
async fn main() {
    let scratch = tempfile::tempdir().expect("a folder for the node");
    let options = PipeOptions {
        expr: "sum(orders, 1min, by=shop)".to_owned(),
        components: Vec::new(),
        input: Format::Csv,
        output: Some(Format::Csv),
        settings: serde_json::from_str(r#"{"name": "", "schema": []}"#).expect("settings of a source"),
        workers: 1,
        scratch: scratch.path().to_owned(),
    };
    let mut output = Vec::new();
    let report = pipe::run(options, ORDERS.as_bytes(), &mut output).await.expect("the expression fits the input");
    let output = String::from_utf8(output).expect("CSV is text");
    print!("{output}");
    assert_eq!(report.accepted, 4);
    let expected = [
        "time,shop,value",
        "1970-01-01T00:00:00Z,north,3",
        "1970-01-01T00:00:00Z,south,20",
        "1970-01-01T00:01:00Z,north,5",
    ];
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}
