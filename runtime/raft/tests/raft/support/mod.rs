//! What tests share: [`disk`] under the databases, [`town`] for nodes and the ways between them, [`changes`] to propose.

pub mod changes;
pub mod disk;
pub mod town;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The network that loses, delays and reorders.
#[path = "../../../../transport/tests/transport/support/proxy.rs"]
pub mod proxy;

/// Longer than anything here takes on a busy machine: what passes it stands still.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Any port of this machine.
pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Waits for what has to happen.
#[track_caller]
pub fn soon<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move { tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| panic!("it stands still: {caller}")) }
}
