//! Bodies of requests, up to a limit.

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::failure::Failed;
use crate::error::{Code, NodeError};

/// The most bytes of a body: 64 MiB.
const LIMIT: usize = 64 << 20;

/// A whole body.
pub(super) struct Content(pub Bytes);

impl<S: Sync> FromRequest<S> for Content {
    type Rejection = Failed;

    async fn from_request(request: Request, _: &S) -> Result<Content, Failed> {
        if let Some(encoding) = request.headers().get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            let message = format!("bodies are taken as they are, not encoded as {encoding:?}");
            return Err(NodeError::new(Code::BadBody, message).into());
        }
        let body = request.into_body();
        // Told before it is sent, to a client that waits for `100 Continue`.
        let declared = body.size_hint().lower();
        if declared > LIMIT as u64 {
            return Err(too_large(&format!("this one has {declared}")));
        }
        match Limited::new(body, LIMIT).collect().await {
            Ok(collected) => Ok(Content(collected.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large("this one has more")),
            Err(error) => Err(NodeError::new(Code::BadBody, format!("the body broke off: {error}")).into()),
        }
    }
}

fn too_large(found: &str) -> Failed {
    let message = format!("a body has at most {LIMIT} bytes (64 MiB) and {found}: send it in parts");
    NodeError::new(Code::TooLarge, message).into()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::*;

    async fn read(body: Body) -> Result<Bytes, StatusCode> {
        let content = Content::from_request(Request::new(body), &()).await;
        content.map(|content| content.0).map_err(|failed| failed.into_response().status())
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_whether_or_not_it_says_so() {
        let megabyte = Bytes::from(vec![b' '; 1 << 20]);
        let undeclared = |count: usize| {
            let chunks = std::iter::repeat_n(megabyte.clone(), count).map(Ok::<_, std::io::Error>);
            Body::from_stream(futures_util::stream::iter(chunks))
        };
        assert_eq!(read(undeclared(64)).await.unwrap().len(), LIMIT);
        assert_eq!(read(undeclared(65)).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(read(Body::from(vec![b' '; LIMIT + 1])).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
