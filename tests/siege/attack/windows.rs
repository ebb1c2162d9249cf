//! Windows: backlogs of overlapping ones, which a snapshot closed all at once or which did not fit into a guest; ones that went on without
//! a reader; ones at the ends of time, whose closing had no end.

use serde_json::json;

use super::{CSV, JSON};
use crate::client::Client;

/// A record every five minutes for forty days.
const RECORDS: u64 = 11_520;

const OVERLAPPING: [&str; 7] = [
    "avg({}, 7d, every=5min)",
    "avg({}, 1h, every=1s)",
    "avg({}, 1d, every=1min)",
    "count({}, 365d, every=1s)",
    "count({}, 1d, every=1ns)",
    "max(avg({}, 1h, every=1min), 1d, every=1h)",
    "stddev({}, 2d, every=1min)",
];

const AT_THE_ENDS: [&str; 6] = [
    "count({}, 7ns)",
    "count({}, 5ns, offset=3ns)",
    "count({}, 10ns, every=5ns)",
    "count({}, 106751d23h47m16s854ms775us807ns)",
    "count({}, session=106751d)",
    "sum({}, 1d, every=7ns)",
];

pub fn make(client: &mut Client) {
    if client.below(3) == 0 {
        return at_the_ends_of_time(client);
    }
    let seal = client.one(&["true", "false"]);
    let stream = client.own(&format!("windows_{seal}"));
    if client.create(&stream, &[("value", "float64")], json!({"idle": "1h"})) {
        let rows: String = (0..RECORDS).map(|i| format!("{},{}\n", i * 300, i % 97)).collect();
        client.publish(&stream, &[("seal", seal)], CSV, format!("time,value\n{rows}").as_bytes());
    }
    let expression = client.one(&OVERLAPPING).replace("{}", &stream);
    let lines = client.one(&[&2, &2_000]);
    client.look(&expression, *lines);
}

fn at_the_ends_of_time(client: &mut Client) {
    let (clock, stream) = (client.one(&["node", "publishers"]), client.own("ends"));
    let stream = format!("{stream}_{clock}");
    if client.create(&stream, &[("value", "int64")], json!({"clock": clock})) {
        let record = |time: &str| format!("{{\"time\":\"{time}\",\"value\":1}}\n");
        let records = ["1677-09-21T00:12:43.145224194Z", "1970-01-01T00:00:00Z", "2262-04-11T23:47:16.854775807Z"];
        client.publish(&stream, &[("seal", "true")], JSON, records.map(record).concat().as_bytes());
    }
    let expression = client.one(&AT_THE_ENDS).replace("{}", &stream);
    client.look(&expression, 20);
}
