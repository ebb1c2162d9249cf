//! A reader that goes on after the last position that it has seen, and writes down all that it is given.

use std::io::BufRead;

use serde_json::Value;

use super::shared::Shared;
use crate::http::Http;

/// Reads a stream until it has been given so many records, and returns them in the order in which they came.
pub(super) fn read(http: &Http, shared: &Shared, expression: &str, count: usize) -> Vec<Value> {
    let mut records: Vec<Value> = Vec::with_capacity(count);
    while records.len() < count {
        let from = records.last().map_or_else(|| "earliest".to_owned(), after);
        let parameters = [("expr", expression), ("from", &from), ("positions", "true")];
        if let Ok((status, mut body)) = http.try_read("subscribe", &parameters) {
            let mut line = String::new();
            while records.len() < count {
                match body.read_line(&mut line) {
                    Ok(0) => {
                        panic!("`{expression}` from {from} ended, {} of {count} records were given", records.len())
                    }
                    Ok(_) if line.ends_with('\n') => {}
                    // What is cut off was not given.
                    _ => break,
                }
                let record: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(status == 200 && record.get("error").is_none(), "`{expression}` from {from}: {line}");
                records.push(record);
                shared.was_answered();
                line.clear();
            }
        }
        shared.pause();
    }
    records
}

/// The position after a record's.
fn after(record: &Value) -> String {
    let (run, sequence) = position(record);
    format!("{run}:{}", sequence + 1)
}

/// A record's position.
pub(super) fn position(record: &Value) -> (&str, u64) {
    let position = record["position"].as_str().and_then(|position| position.split_once(':'));
    let (run, sequence) = position.unwrap_or_else(|| panic!("a position in {record}"));
    (run, sequence.parse().unwrap_or_else(|error| panic!("{error} in {record}")))
}
