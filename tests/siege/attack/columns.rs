//! Columns and names without a bound, and with what a terminal acts on.

use serde_json::json;

use crate::client::Client;

pub fn make(client: &mut Client) {
    let stream = client.own("columns");
    let name = match client.below(4) {
        0 => return many(client, &stream),
        1 => "n".repeat(4_000_000),
        2 => "\u{1b}[2J\u{7}".to_owned(),
        _ => "a\nb\r\0".to_owned(),
    };
    client.create(&stream, &[(&name, "float64")], json!({}));
    client.create(&format!("{stream}{name}"), &[("value", "float64")], json!({}));
    client.publish(&stream, &[("publisher", &name[..name.len().min(2_000)])], super::JSON, b"{\"time\":1}\n");
}

fn many(client: &mut Client, stream: &str) {
    let count = [1_001, 20_000, 100_000][client.below(3) as usize];
    let names: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
    let columns: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "int64")).collect();
    client.create(stream, &columns, json!({}));
}
