//! Connections: accepted, served, and ended within a bounded time when the node stops.
//!
//! There are at most so many ([`Requests::connections`]), and never so many that the node lacks files of its own. Who comes then is told
//! to come again. A peer that does not send a request in time, or does not read an answer, loses its connection; one that reads a
//! subscription keeps it for as long as it lasts.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rlimit::Resource;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::{Connection, Peer};
use super::router;
use crate::Node;
use crate::requests::Requests;

/// How long requests under way may take once the node stops.
const GRACE: Duration = Duration::from_secs(5);

/// When a silent peer is asked whether it is still there, and how often: a subscriber whose machine is gone must not keep its
/// demand for ever.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// Bytes that a connection holds of what is read or written, and so of a request's head: an address has at most half of that.
const BUFFER: usize = 128 << 10;

/// The most that a TLS handshake takes, for whoever means it.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many who come in vain are answered at a time; the others are closed without a word.
const TURNED_AWAY: usize = 64;

/// How long one of them is listened to.
const HEARING: Duration = Duration::from_secs(1);

/// Serves the API until `shutdown`, then takes no more connections and gives the requests under way some seconds to finish.
/// Afterwards no connection, and nothing that holds the node for one, is left.
///
/// # Errors
/// If the listener has no address.
pub(crate) async fn serve(
    node: Node,
    mut listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let requests = node.requests;
    let service = TowerToHyperService::new(router(node.clone(), listener.local_addr()?.ip()));
    let tls = node.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
    let graceful = GracefulShutdown::new();
    let (mut connections, mut turned_away) = (JoinSet::new(), JoinSet::new());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                let limit = limit(requests);
                if connections.len() >= limit {
                    tracing::warn!(%peer, limit, "a connection too many (--connections)");
                    // A handshake would cost what there is too little of.
                    if turned_away.len() < TURNED_AWAY && tls.is_none() {
                        turned_away.spawn(turn_away(stream, limit));
                    }
                    continue;
                }
                if let Err(error) = configure(&stream) {
                    tracing::debug!(%peer, %error, "socket options refused");
                }
                let reader = Peer::new();
                let stream = Connection::new(stream, reader.clone());
                let served = Served { peer: reader.clone(), service: service.clone(), requests, graceful: graceful.watcher() };
                let (tls, stopping) = (tls.clone(), node.stopping.subscribe());
                connections.spawn(async move {
                    let connection = async move {
                        match tls {
                            None => served.over(stream).await.map_err(Broke::from),
                            Some(tls) => served.over(secure(&tls, stream, requests.patience, stopping).await?).await.map_err(Broke::from),
                        }
                    };
                    tokio::select! {
                        ended = connection => if let Err(error) = ended {
                            tracing::debug!(%peer, %error, "connection broke off");
                        },
                        () = reader.is_stuck(requests.patience) => {
                            tracing::debug!(%peer, "connection closed: the answer was not read");
                        }
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            Some(_) = turned_away.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    turned_away.shutdown().await;
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("closing connections that did not finish in time");
    }
    connections.shutdown().await;
    Ok(())
}

/// How many connections there may be now: half of the process's files are for the node itself.
fn limit(requests: Requests) -> usize {
    let files = Resource::NOFILE.get().map_or(u64::MAX, |(soft, _)| soft);
    requests.connections.min(usize::try_from(files / 2).unwrap_or(usize::MAX)).max(1)
}

/// Records leave as they come, and peers that are gone are noticed.
fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}

/// How a connection is served.
struct Served<S> {
    peer: Peer,
    service: S,
    requests: Requests,
    graceful: Watcher,
}

impl<S> Served<S>
where
    S: Service<Request<Incoming>, Response = axum::response::Response> + Send + 'static,
    S::Future: Send,
    S::Error: std::error::Error + Send + Sync + 'static,
{
    /// Serves it to its end. The head of a request has to come in time, be it the first or, of a connection that is kept, the next.
    async fn over(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<(), hyper::Error> {
        let Served { peer, service, requests, graceful } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            peer.asks();
            request.extensions_mut().insert(peer.clone());
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(requests.patience)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        graceful.watch(connection).await
    }
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
enum Broke {
    /// There was no handshake.
    #[error("no TLS handshake: {0}")]
    Handshake(#[from] io::Error),
    /// It did not come in time.
    #[error("no TLS handshake in time")]
    Late,
    /// The node stops.
    #[error("the node stops")]
    Stopping,
    /// In the course of a request.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// Makes a connection one over TLS. Whoever speaks HTTP without is told so, in HTTP.
async fn secure(
    tls: &TlsAcceptor,
    mut stream: Connection,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) -> Result<TlsStream<Connection>, Broke> {
    let shaken = async move {
        if stream.first().await?.is_some_and(|first| first.is_ascii_uppercase()) {
            tell(&mut stream, PLAIN).await?;
            return Err(io::Error::other("the peer speaks HTTP without TLS"));
        }
        tls.accept(stream).await
    };
    tokio::select! {
        shaken = tokio::time::timeout(patience.min(HANDSHAKE), shaken) => Ok(shaken.map_err(|_| Broke::Late)??),
        _ = stopping.wait_for(|stopping| *stopping) => Err(Broke::Stopping),
    }
}

/// What whoever speaks HTTP is told where TLS is spoken.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 114\r\n\r\n\
    {\"error\":{\"code\":\"bad-request\",\"message\":\"this node speaks HTTP over TLS only: say https:// instead of http://\"}}\n";

/// Tells a peer that there are connections enough.
async fn turn_away(mut stream: TcpStream, limit: usize) {
    // It is told as far as it listens.
    let _ = tokio::time::timeout(HEARING, tell(&mut stream, &too_many(limit))).await;
}

/// Answers a request, whatever it is, and hears the peer out: an answer to what nobody has read would be lost with it.
async fn tell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &str) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer).await?;
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// An answer to any request where there are connections enough.
fn too_many(limit: usize) -> String {
    let body = format!(
        "{{\"error\":{{\"code\":\"busy\",\"message\":\"there are {limit} connections, which is the limit (--connections, and half of \
         the process's files): try again in a moment\"}}}}"
    );
    let length = body.len();
    format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}
