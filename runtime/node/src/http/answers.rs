//! Answers that wait to be read: they count as memory of their requests until they have been.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};

use super::failure::Failed;
use crate::Node;
use crate::budget::Share;
use crate::requests::time_for;

/// An answer of so many bytes is not counted: there is one for each connection at most.
const SMALL: u64 = 16 << 10;

/// How much of an answer is handed to its connection at a time.
const PIECE: usize = 64 << 10;

/// Counts an answer whose length is known; one that goes on is a subscription's, which has memory of its own.
pub(super) async fn count(State(node): State<Node>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(length) = response.body().size_hint().exact().filter(|length| *length > SMALL) else { return response };
    let share = node.budget.share();
    match share.take(length) {
        Ok(()) => response.map(|body| Body::new(Counted::new(body, share, node.requests.patience))),
        Err(refusal) => Failed::from(refusal).into_response(),
    }
}

/// The body of an answer, in pieces.
struct Counted {
    body: Body,
    /// What has come of the body and is not sent.
    rest: Bytes,
    sent: usize,
    begun: Instant,
    patience: Duration,
    _share: Share,
}

/// The peer reads too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not read in time")]
struct Unread;

impl Counted {
    fn new(body: Body, share: Share, patience: Duration) -> Counted {
        Counted { body, rest: Bytes::new(), sent: 0, begun: Instant::now(), patience, _share: share }
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if self.begun.elapsed() > time_for(self.sent, self.patience) {
            return Poll::Ready(Some(Err(Unread.into())));
        }
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.sent += length;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.body.size_hint().exact();
        left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + self.rest.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::budget::Budget;

    #[tokio::test]
    async fn an_answer_counts_until_it_is_read_or_its_reader_is_gone() {
        let budget = Budget::new(16 << 20);
        let counted = || {
            let share = budget.share();
            share.take(1 << 20).unwrap();
            Counted::new(Body::from(vec![b'x'; 1 << 20]), share, Duration::from_secs(60))
        };
        let mut read = counted();
        assert_eq!(read.size_hint().exact(), Some(1 << 20));
        let first = read.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), read.size_hint().exact()), (PIECE, Some((1 << 20) - PIECE as u64)));
        assert_eq!(budget.taken(), 1 << 20);
        let rest = BodyExt::collect(&mut read).await.unwrap().to_bytes();
        assert_eq!(rest.len() + first.len(), 1 << 20);
        drop(read);
        assert_eq!(budget.taken(), 0);
        drop(counted());
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_is_read_too_slowly_is_given_up() {
        let share = Budget::new(16 << 20).share();
        let mut dripped = Counted::new(Body::from(vec![b'x'; 1 << 20]), share, Duration::ZERO);
        assert!(dripped.frame().await.unwrap().is_err());
    }
}
