//! A connection's peer: whether it reads what it is sent.
//!
//! Who asks and does not read the answer would keep the connection, and what waits in it, for ever. Who subscribes may: a pager reads
//! when its user does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What is known of a connection's peer. Clones are of one connection.
#[derive(Clone, Debug)]
pub(super) struct Peer(Arc<Known>);

#[derive(Debug)]
struct Known {
    opened: Instant,
    /// Since when it has taken nothing that was written, in milliseconds after it was opened; [`NEVER`] if it has.
    stuck: AtomicU64,
    /// Whether it may take as long as it wants.
    unhurried: AtomicBool,
    /// It has taken nothing that was written, and has to. Until then nothing waits on a clock: an idle connection wakes nobody.
    waits: Notify,
}

const NEVER: u64 = u64::MAX;

impl Peer {
    /// The peer of a connection that was just opened.
    pub fn new() -> Peer {
        let (stuck, unhurried) = (AtomicU64::new(NEVER), AtomicBool::new(false));
        Peer(Arc::new(Known { opened: Instant::now(), stuck, unhurried, waits: Notify::new() }))
    }

    /// A request begins, whose answer it has to read in time.
    pub fn asks(&self) {
        self.0.unhurried.store(false, Ordering::Relaxed);
    }

    /// It reads the answer when it wants to.
    pub fn subscribes(&self) {
        self.0.unhurried.store(true, Ordering::Relaxed);
    }

    /// Resolves once it has not read for so long.
    pub async fn is_stuck(&self, patience: Duration) {
        loop {
            self.0.waits.notified().await;
            while let Some(stuck) = self.stuck_for() {
                let left = patience.saturating_sub(stuck);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        }
    }

    /// How long it has taken nothing, if it has to.
    fn stuck_for(&self) -> Option<Duration> {
        let since = self.0.stuck.load(Ordering::Relaxed);
        let is_stuck = since != NEVER && !self.0.unhurried.load(Ordering::Relaxed);
        is_stuck.then(|| self.0.opened.elapsed().saturating_sub(Duration::from_millis(since)))
    }

    fn wrote(&self, taken: bool) {
        let stuck = &self.0.stuck;
        if taken {
            return stuck.store(NEVER, Ordering::Relaxed);
        }
        if stuck.load(Ordering::Relaxed) == NEVER {
            let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(NEVER - 1);
            stuck.store(now, Ordering::Relaxed);
        }
        if !self.0.unhurried.load(Ordering::Relaxed) {
            self.0.waits.notify_one();
        }
    }
}

/// A connection that tells of its peer: below TLS, where there is any, so that what waits there counts as not taken.
pub(super) struct Connection {
    stream: TcpStream,
    peer: Peer,
}

impl Connection {
    /// Of that peer.
    pub fn new(stream: TcpStream, peer: Peer) -> Connection {
        Connection { stream, peer }
    }

    /// The first byte that comes, which stays to be read; none where the peer closes the connection before.
    pub async fn first(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let length = self.stream.peek(&mut first).await?;
        Ok((length > 0).then_some(first[0]))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.peer.wrote(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.peer.wrote(written.is_ready());
        written
    }
}
