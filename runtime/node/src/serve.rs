//! Running a node until it is told to stop.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::computations;
use crate::computations::reports::Reports;
use crate::config::Config;
use crate::node::{Node, ServeError, Told};
use crate::streams::room::Refused;

/// Runs a node until `shutdown` resolves. `ready` is called with the address that it listens on.
pub async fn serve(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let (address, data) = (config.listen, config.data.clone());
    let listen = |source| ServeError::Listen { address, source };
    // Every stream's log has files open, and the usual soft limit is a thousand.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    // Before the folder is opened: an address that is taken should not cost a recovery.
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (node, attending) = start(config).await?;
    node.views.listens_on(address);
    tracing::info!(%address, data = %data.display(), workers = node.computations.flow().peers(), "serving");
    ready(address);
    let stopping = node.clone();
    let told = async move {
        shutdown.await;
        tracing::info!("stopping");
        stopping.stop();
    };
    let served = crate::http::serve(node.clone(), listener, told).await;
    node.stop();
    // It ends by itself only, or with the process.
    let _ = attending.await;
    for (lock, time) in dag_lock::longest() {
        tracing::info!("lock `{lock}` was held for at most {time:?}");
    }
    served.map_err(listen)
}

/// Opens a node and starts the tasks that attend to it; returns the one that ends once all computations have stopped.
pub(crate) async fn start(config: Config) -> Result<(Node, JoinHandle<()>), ServeError> {
    let opened = tokio::task::spawn_blocking(move || Node::open(config)).await;
    let (node, Told { computations: computations::Told { reports, resumed }, refused }) =
        opened.map_err(|error| ServeError::Start(error.to_string()))??;
    let attending = tokio::spawn(dag_alarm::task("reports", attend(node.clone(), reports)));
    let comparing = node.computations.clone();
    tokio::spawn(dag_alarm::task("comparing", async move { comparing.keep_compared().await }));
    let upkeep = node.upkeep.clone();
    tokio::spawn(dag_alarm::task("timers", async move { upkeep.keep_time().await }));
    let streams = node.streams.clone();
    until_stop(&node, "timers", async move { streams.keep_time().await });
    if let Some(tls) = node.tls.clone() {
        until_stop(&node, "certificate", tls.keep_current());
    }
    until_stop(&node, "catching up", node.deployments.clone().keep_caught_up(resumed));
    tokio::spawn(dag_alarm::task("room", make_room(node.clone(), refused)));
    Ok((node, attending))
}

/// Does that until the node stops.
fn until_stop(node: &Node, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let mut stopping = node.stopping.subscribe();
    tokio::spawn(dag_alarm::task(name, async move {
        tokio::select! {
            () = work => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }));
}

/// Makes room for publishes that are refused for want of it, until the node stops.
async fn make_room(node: Node, mut refused: mpsc::Receiver<Refused>) {
    let mut stopping = node.stopping.subscribe();
    loop {
        let next = tokio::select! {
            next = refused.recv() => next,
            _ = stopping.wait_for(|stopping| *stopping) => None,
        };
        let Some(Refused { begun, made }) = next else { return };
        let making = node.upkeep.clone();
        let is_made = tokio::task::spawn_blocking(move || making.make_room(begun)).await;
        // An error means that whoever published is gone.
        let _ = made.send(is_made.unwrap_or(false));
    }
}

/// How long computations may take to be gone once they have been told to stop without a last snapshot: calls of operators that last
/// longer end with the process.
const GRACE: Duration = Duration::from_secs(1);

/// Carries out what follows from the workers' reports, until the node stops and its computations have left their snapshots.
async fn attend(node: Node, reports: Reports) {
    let mut stopping = node.stopping.subscribe();
    let timed = node.computations.clone();
    let overdue = async move {
        // An error means that the node is gone.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        while let Some(stop) = timed.next_stop() {
            tokio::time::sleep_until(stop.into()).await;
            timed.stop_overdue();
        }
        tokio::time::sleep(GRACE).await;
    };
    let mut overdue = pin!(overdue);
    let mut noticed = node.stopping.subscribe();
    loop {
        let is_stopping = *noticed.borrow_and_update();
        if is_stopping && node.computations.are_gone() {
            break;
        }
        let report = tokio::select! {
            report = reports.next() => report,
            _ = noticed.changed(), if !is_stopping => continue,
            () = &mut overdue => {
                tracing::warn!("some operators are in long calls; their computations go on from an earlier snapshot");
                break;
            }
        };
        node.computations.report(report);
    }
    let _ = tokio::task::spawn_blocking(move || node.computations.close()).await;
}
