//! Connections: accepted, served, and ended within a bounded time when the node stops.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::router;
use crate::Node;

/// How long requests under way may take once the node stops.
const GRACE: Duration = Duration::from_secs(5);

/// When a silent peer is asked whether it is still there, and how often: a subscriber whose machine is gone must not keep its
/// demand for ever.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

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
    let service = TowerToHyperService::new(router(node, listener.local_addr()?.ip()));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                if let Err(error) = configure(&stream) {
                    tracing::debug!(%peer, %error, "socket options refused");
                }
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                let connection = graceful.watch(connection);
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%peer, %error, "connection broke off");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("closing connections that did not finish in time");
    }
    connections.shutdown().await;
    Ok(())
}

/// Records leave as they come, and peers that are gone are noticed.
fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}
