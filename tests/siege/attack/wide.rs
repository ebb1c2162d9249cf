//! Wide records: batches in time order were bounded by how many records they have, whatever their size.

use serde_json::json;

use super::JSON;
use crate::client::Client;

/// Bytes of a record, and how many there are in a request.
const WIDTH: usize = 40_000;
const RECORDS: u64 = 400;

const ORDERED: [&str; 6] = [
    "delta({}, of=value)",
    "union({}, {})",
    "above({}, 3)",
    "count({}, session=1s)",
    "count({}, 1s, by=text)",
    "join({} as l, {} as r, on=value, within=1s)",
];

pub fn make(client: &mut Client) {
    let stream = client.own("wide");
    client.create(&stream, &[("value", "int64"), ("text", "utf8")], json!({"retention": {"bytes": 4_000_000}}));
    let first = client.below(1_000) * RECORDS;
    let text = "w".repeat(WIDTH);
    let record = |i: u64| format!("{{\"time\":{i},\"value\":{},\"text\":\"{text}\"}}\n", i % 7);
    client.publish(&stream, &[], JSON, (first..first + RECORDS).map(record).collect::<String>().as_bytes());
    let expression = client.one(&ORDERED).replace("{}", &stream);
    client.look(&expression, 50);
}
