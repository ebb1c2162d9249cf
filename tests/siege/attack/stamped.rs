//! Several who publish at once to a stream whose records get their time from the node: two thirds of them came late.

use serde_json::json;

use super::JSON;
use crate::client::Client;

pub fn make(client: &mut Client) {
    client.create("stamped", &[("value", "int64")], json!({"time": null, "retention": {"bytes": 4_000_000}}));
    let records = *client.one(&[&1, &20_000]);
    for _ in 0..5 {
        let body = "{\"value\":1}\n".repeat(records);
        if let Some(answer) = client.post("streams/stamped/records", &[], JSON, body.as_bytes())
            && answer.status == 200
        {
            let answer = answer.json();
            assert_eq!(answer["late"], 0, "the node stamps them itself: {answer}");
        }
    }
}
