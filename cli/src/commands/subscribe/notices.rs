//! What a node tells of a subscription besides its records.

use std::time::Duration;

use dag_api::Notice;
use http_body_util::BodyExt;
use hyper::HeaderMap;

use crate::client::{Client, Target};
use crate::output;

/// How long after the last record the last notice may come.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Writes to standard error what the node tells of the subscription that it answered with these headers, until that ends or nothing
/// can be heard.
pub async fn say(client: &Client, headers: &HeaderMap) {
    let Some(id) = headers.get("dag-subscription").and_then(|id| id.to_str().ok()) else { return };
    let Ok(response) = client.stream(&Target::new(&["subscriptions", id, "notices"])).await else { return };
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        text.extend_from_slice(data);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            if let Ok(notice) = serde_json::from_slice::<Notice>(&line) {
                output::note(&notice.message);
            }
        }
    }
}
