//! Keys: many, each once, for which each pane had a place; and long ones, which were counted and not weighed.

use serde_json::json;

use super::{CSV, JSON};
use crate::client::Client;

/// Unique ones, one a second: they took gigabytes at twice as many.
const UNIQUE: u64 = 20_000;

/// Bytes of a long one.
const LONG: usize = 900_000;

pub fn unique(client: &mut Client) {
    let stream = client.own("unique");
    if client.create(&stream, &[("id", "int64")], json!({})) {
        let rows: String = (0..UNIQUE).map(|i| format!("{i},{}\n", i * 7_919)).collect();
        client.publish(&stream, &[("seal", "true")], CSV, format!("time,id\n{rows}").as_bytes());
    }
    let windows = ["1s", "1d", "1h, every=1s", "session=10s", "1h, every=1min"];
    let window = client.one(&windows);
    client.look(&format!("count({stream}, {window}, by=id)"), 100);
}

pub fn long(client: &mut Client) {
    let stream = client.own("long");
    client.create(&stream, &[("k", "utf8")], json!({"retention": {"bytes": 1_000_000}}));
    let first = client.below(1_000_000);
    let record = |i: u64| format!("{{\"time\":{i},\"k\":\"{}{}\"}}\n", first + i, "k".repeat(LONG));
    client.publish(&stream, &[], JSON, (0..6).map(record).collect::<String>().as_bytes());
    client.look(&format!("count({stream}, 1d, by=k)"), 3);
}
