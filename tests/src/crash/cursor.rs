//! A reader with a cursor: `dag subscribe --cursor`, which goes on by itself whenever the node is back.

use serde_json::Value;

use crate::binary;
use crate::http::Http;
use crate::process::Process;
use crate::wait::{self, DEADLINE};

/// Starts one on a running node, and waits until it has its cursor.
pub(super) fn start(url: &str, http: &Http, expression: &str, name: &str) -> Process {
    let arguments = ["subscribe", expression, "--cursor", name, "--from", "earliest", "--with-position"];
    let mut command = binary::command(&arguments);
    command.args(["--format", "json"]).env("DAG_NODE", url);
    let process = Process::start(command);
    wait::until(&format!("cursor {name} is there"), DEADLINE, || {
        (http.get(&format!("cursors/{name}"), &[]).status == 200).then_some(())
    });
    process
}

/// What it writes, until its end, which comes by itself.
pub(super) fn read(mut process: Process) -> Vec<Value> {
    let mut records = Vec::new();
    while let Some(line) = process.next_line() {
        records.push(serde_json::from_str(&line.text).unwrap_or_else(|error| panic!("{error}: {}", line.text)));
    }
    process.finish().success();
    records
}
