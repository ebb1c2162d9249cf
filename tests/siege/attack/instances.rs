//! One expression with hundreds of computations, each with instances of its own: their memories were bounded by the system's limit on
//! mappings, at which the process was ended.

use serde_json::json;

use super::JSON;
use crate::client::Client;

/// How many parts the expression has, of two computations each. Where many more start at once, all else waits for the lock under which
/// they do.
const PARTS: u64 = 20;

pub fn make(client: &mut Client) {
    let stream = client.own("parts");
    if client.create(&stream, &[("value", "float64")], json!({})) {
        client.publish(&stream, &[("seal", "true")], JSON, b"{\"time\":1,\"value\":1}\n");
    }
    let first = client.below(1_000);
    let part = |i: u64| format!("map(filter({stream}, value >= {}), value * {} as value)", first + i, i + 2);
    let parts: Vec<String> = (0..PARTS).map(part).collect();
    client.look(&format!("union({})", parts.join(", ")), 3);
}
