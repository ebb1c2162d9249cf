//! Bodies that are small, and whose refusals, columns or lines were not.

use serde_json::json;

use super::{CSV, JSON};
use crate::client::Client;

pub fn make(client: &mut Client) {
    match client.below(6) {
        0 => names_in_refusals(client),
        1 => empty_columns(client),
        2 => short_rows(client),
        3 => nested(client),
        4 => wide_object(client),
        _ => arrow(client),
    }
}

/// Each refusal once named the column, however long its name.
fn names_in_refusals(client: &mut Client) {
    let (stream, name) = (client.own("named"), "n".repeat(1_500_000));
    client.create(&stream, &[(&name, "float64")], json!({}));
    client.publish(&stream, &[], JSON, "{\"b\":1}\n".repeat(1_000).as_bytes());
}

fn columns(client: &Client, stream: &str) {
    let names: Vec<String> = (0..999).map(|i| format!("c{i}")).collect();
    let columns: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "float64")).collect();
    client.create(stream, &columns, json!({"retention": {"bytes": 1_000_000}}));
}

/// Each record was as many nulls as there are columns.
fn empty_columns(client: &mut Client) {
    let stream = client.own("sparse");
    columns(client, &stream);
    client.publish(&stream, &[], JSON, "{\"time\":1}\n".repeat(16_000).as_bytes());
}

fn short_rows(client: &mut Client) {
    let stream = client.own("sparse");
    columns(client, &stream);
    client.publish(&stream, &[], CSV, "x\n".repeat(500_000).as_bytes());
}

fn nested(client: &mut Client) {
    let stream = client.own("deep");
    client.create(&stream, &[("value", "float64")], json!({}));
    let (open, close) = *client.one(&[&("[", "]"), &("{\"a\":", "}"), &("[[", "]"), &("{\"value\":[", "]}")]);
    let depth = 1 << client.below(17);
    let body = format!("{{\"time\":1,\"value\":{}1{}}}\n", open.repeat(depth), close.repeat(depth));
    client.publish(&stream, &[], JSON, body.as_bytes());
    client.post("streams", &[], "application/json", body.as_bytes());
}

fn wide_object(client: &mut Client) {
    let stream = client.own("deep");
    let members: String = (0..100_000).map(|i| format!("\"m{i}\":{i},")).collect();
    client.publish(&stream, &[], JSON, format!("{{{members}\"time\":1,\"value\":1}}\n").as_bytes());
}

/// Bytes that begin as a stream of Arrow's does, and promise more than there is.
fn arrow(client: &mut Client) {
    let stream = client.own("deep");
    let mut body = vec![0xFF; 4];
    body.extend((1_u32 << client.below(31)).to_le_bytes());
    body.extend((0..client.below(5_000)).map(|_| client.below(256) as u8).collect::<Vec<_>>());
    client.publish(&stream, &[], "application/vnd.apache.arrow.stream", &body);
}
