//! Positions that nobody has got to, and notices that are others'.

use serde_json::json;

use super::JSON;
use crate::client::Client;

pub fn make(client: &mut Client) {
    let (stream, cursor) = (client.own("placed"), client.own("cursor"));
    if client.create(&stream, &[("value", "float64")], json!({})) {
        let records: String = (0..20).map(|i| format!("{{\"time\":{i},\"value\":{i}}}\n")).collect();
        client.publish(&stream, &[], JSON, records.as_bytes());
    }
    let expression = client.one(&["{}", "filter({}, value > 1)", "count({}, 1s)"]).replace("{}", &stream);
    let from = client.one(&["1:99999", "6:99999", "1:18446744073709551615", "0:0", "2:-1", "1:5"]);
    client
        .get("subscribe", &[("expr", &expression), ("from", from), ("limit", "1"), ("until", "1970-01-01T00:00:10Z")]);
    let parameters = [("expr", expression.as_str()), ("cursor", &cursor), ("from", "earliest"), ("limit", "2")];
    client.get("subscribe", &parameters);
    let reader = client.get(&format!("cursors/{cursor}"), &[]).map(|answer| answer.body);
    let reader = reader.and_then(|body| serde_json::from_str::<serde_json::Value>(&body).ok());
    let after = client.one(&["1:5000000", "6:5000000", "1:1", "9:9"]);
    let body = json!({"reader": reader.map(|it| it["reader"].clone()), "after": after}).to_string();
    client.post(&format!("cursors/{cursor}"), &[], "application/json", body.as_bytes());
    let number = client.below(1_000);
    client.get(&format!("subscriptions/{number}/notices"), &[]);
}
