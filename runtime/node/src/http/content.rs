//! Bodies of requests: up to a limit, out of the memory that all requests share, within a time.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use dag_api::Code;
use dag_model::text::size;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::failure::Failed;
use crate::Node;
use crate::budget::Share;
use crate::requests::{LEAST_RATE, time_for};

/// The most bytes of a body of records, or of a component: 64 MiB.
const LIMIT: u64 = 64 << 20;

/// The most bytes of a body that says what to do: 1 MiB.
const DOCUMENT_LIMIT: u64 = 1 << 20;

/// Memory is taken so much at first, and doubled: a body that says to be long has nothing before it comes.
const STEP: u64 = 64 << 10;

/// A whole body.
pub(super) struct Content {
    /// Its bytes.
    pub bytes: Bytes,
    /// The memory that they take, as long as this is kept.
    pub share: Share,
}

/// A whole body of JSON.
pub(super) struct Document<T>(pub T);

impl FromRequest<Node> for Content {
    type Rejection = Failed;

    async fn from_request(request: Request, node: &Node) -> Result<Content, Failed> {
        content(request, node, LIMIT).await
    }
}

impl<T: DeserializeOwned> FromRequest<Node> for Document<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, node: &Node) -> Result<Document<T>, Failed> {
        let content = content(request, node, DOCUMENT_LIMIT).await?;
        let Json(document) = Json::from_bytes(&content.bytes)?;
        Ok(Document(document))
    }
}

async fn content(request: Request, node: &Node, limit: u64) -> Result<Content, Failed> {
    let share = node.budget.share();
    let patience = node.requests.patience;
    let (head, body) = request.into_parts();
    is_plain(&head.headers)?;
    let bytes = read(body, limit, &share, patience).await?;
    Ok(Content { bytes, share })
}

fn is_plain(headers: &HeaderMap) -> Result<(), Failed> {
    match headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        None => Ok(()),
        Some(encoding) => {
            let message = format!("bodies are taken as they are, not encoded as {encoding:?}");
            Err(Failed::new(Code::BadBody, message))
        }
    }
}

async fn read(mut body: Body, limit: u64, share: &Share, patience: Duration) -> Result<Bytes, Failed> {
    // Told before it is sent, to a client that waits for `100 Continue`.
    let declared = body.size_hint().lower();
    if declared > limit {
        return Err(too_large(limit, &format!("this one has {declared}")));
    }
    share.look(declared)?;
    let (mut bytes, mut granted) = (Vec::new(), 0);
    let begun = Instant::now();
    loop {
        let late = timeout(remaining(begun.elapsed(), bytes.len(), patience), body.frame()).await;
        let frame = late.map_err(|_| too_slow(bytes.len(), patience))?;
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let frame = frame.map_err(|error| Failed::new(Code::BadBody, format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() as u64 + data.len() as u64;
        if length > limit {
            return Err(too_large(limit, "this one has more"));
        }
        if length > granted {
            let enough = (2 * granted).max(STEP).min(declared.max(length)).max(length);
            share.take(enough - granted)?;
            granted = enough;
            bytes.reserve_exact(granted as usize - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
}

fn too_large(limit: u64, found: &str) -> Failed {
    let message = format!("a body has at most {limit} bytes here ({}) and {found}: send it in parts", size(limit));
    Failed::new(Code::TooLarge, message)
}

/// How long the next piece of a body may take, of which so much has come so far.
fn remaining(elapsed: Duration, length: usize, patience: Duration) -> Duration {
    patience.min(time_for(length, patience).saturating_sub(elapsed))
}

fn too_slow(found: usize, patience: Duration) -> Failed {
    let message = format!(
        "the body came to a stop after {found} bytes: the node waits {patience:?} for more (--request-time), and takes no less than \
         {} a second",
        size(LEAST_RATE)
    );
    Failed::new(Code::TooSlow, message)
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::budget::Budget;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn megabytes(count: usize) -> Body {
        let megabyte = Bytes::from(vec![b' '; 1 << 20]);
        Body::from_stream(stream::iter(std::iter::repeat_n(megabyte, count).map(Ok::<_, std::io::Error>)))
    }

    async fn code(body: Body, share: &Share) -> Result<usize, Code> {
        read(body, LIMIT, share, PATIENCE).await.map(|bytes| bytes.len()).map_err(|error| error.code)
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_whether_or_not_it_says_so() {
        let budget = Budget::new(1 << 30);
        assert_eq!(code(megabytes(64), &budget.share()).await, Ok(64 << 20));
        assert_eq!(code(megabytes(65), &budget.share()).await, Err(Code::TooLarge));
        assert_eq!(code(Body::from(vec![b' '; (64 << 20) + 1]), &budget.share()).await, Err(Code::TooLarge));
        assert_eq!(budget.taken(), 0, "what was read is given back");
    }

    #[tokio::test]
    async fn a_body_takes_memory_out_of_what_all_requests_share() {
        let budget = Budget::new(16 << 20);
        let others = budget.share();
        others.take(8 << 20).unwrap();
        let share = budget.share();
        assert_eq!(code(megabytes(2), &share).await, Ok(2 << 20));
        assert_eq!(budget.taken(), 10 << 20);
        assert_eq!(code(megabytes(5), &budget.share()).await, Err(Code::Busy));
        // Before it comes, where it says how long it is.
        let declared = Body::from(vec![b' '; 5 << 20]);
        assert_eq!(code(declared, &budget.share()).await, Err(Code::Busy));
        drop(others);
        assert_eq!(code(megabytes(5), &budget.share()).await, Ok(5 << 20));
    }

    #[tokio::test]
    async fn a_body_that_stops_or_drips_is_given_up() {
        let patience = Duration::from_millis(200);
        let share = Budget::new(16 << 20).share();
        let silent = stream::iter([Ok::<_, std::io::Error>("a")]).chain(stream::pending());
        let error = read(Body::from_stream(silent), LIMIT, &share, patience).await.unwrap_err();
        assert_eq!(error.code, Code::TooSlow);
        assert!(error.message.contains("after 1 bytes") && error.message.contains("--request-time"), "{error}");

        let drips = stream::repeat(()).then(move |()| async move {
            tokio::time::sleep(patience / 10).await;
            Ok::<_, std::io::Error>("a")
        });
        let error = read(Body::from_stream(drips), LIMIT, &share, patience).await.unwrap_err();
        assert_eq!(error.code, Code::TooSlow);
    }

    #[test]
    fn a_body_that_comes_steadily_may_take_its_time() {
        let remaining = |seconds, length| remaining(Duration::from_secs(seconds), length, PATIENCE);
        assert_eq!(remaining(0, 0), PATIENCE);
        assert_eq!(remaining(20, 0), Duration::from_secs(10));
        assert_eq!(remaining(31, 0), Duration::ZERO);
        assert_eq!(remaining(600, 16 << 20), PATIENCE, "what came fast is not held against a pause");
        assert_eq!(remaining(1_100, 16 << 20), Duration::ZERO);
    }
}
