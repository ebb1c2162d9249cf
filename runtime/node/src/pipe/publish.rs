//! Publishes the input to its source.

use std::io::Read;

use dag_api::PublishParameters;

use super::input::{Body, Input};
use super::{PipeError, PipeReport};
use crate::Node;
use crate::blocking::Broken;

/// How many records go to the engine at once.
const RECORDS: u64 = 4_096;

/// Publishes `first` and all that follows it in the input, and seals the source.
///
/// The publisher has a name, so that the source is spoken for from the first record to the last.
pub(super) async fn publish<R: Read + Send + 'static>(
    node: Node,
    source: String,
    first: Option<Body>,
    mut input: Input<R>,
) -> Result<PipeReport, PipeError> {
    let mut report = PipeReport::default();
    let (mut next, mut batch) = (first, 0);
    while let Some(Body { bytes, line }) = next {
        batch += 1;
        let parameters = PublishParameters {
            publisher: Some("pipe".to_owned()),
            session: Some(1),
            batch: Some(batch),
            history: true,
            line: Some(line),
            ..Default::default()
        };
        let (body, share) = (Some((input.format, bytes)), node.budget.share());
        report.add(node.streams.publish(&source, body, parameters, share).await?);
        let read = tokio::task::spawn_blocking(move || (input.next(RECORDS), input));
        let (read, rest) = read.await.map_err(Broken::from)?;
        (next, input) = (read?, rest);
    }
    let seal = PublishParameters { seal: true, ..Default::default() };
    node.streams.publish(&source, None, seal, node.budget.share()).await?;
    Ok(report)
}
