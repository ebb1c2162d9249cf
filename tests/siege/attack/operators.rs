//! Operators that loop, hoard, trap, recurse or have more for ever, each until its limit: others went on waiting for the slow ones, and
//! what they gave out filled the memory.

use serde_json::json;

use super::JSON;
use crate::client::Client;

const WAYS: [&str; 16] = [
    "traps({})",
    "panics({})",
    "loops({})",
    "loops_in_advance({})",
    "hoards({})",
    "recurses({})",
    "returns_too_much({})",
    "chatters({})",
    "garbage({})",
    "disorders({})",
    "more_for_ever({})",
    "fold_loops({}, 5s)",
    "fold_hoards({}, 5s)",
    "finish_loops({}, 5s)",
    "finish_too_few({}, 5s)",
    "snapshots_never({})",
];

pub fn make(client: &mut Client) {
    let stream = client.own("misused");
    if client.create(&stream, &[("value", "float64")], json!({})) {
        let records: String = (0..30).map(|i| format!("{{\"time\":{i},\"value\":{i}}}\n")).collect();
        client.publish(&stream, &[], JSON, records.as_bytes());
    }
    let expression = client.one(&WAYS).replace("{}", &stream);
    client.look(&expression, 20);
}
