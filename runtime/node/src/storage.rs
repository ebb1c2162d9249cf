//! The files that a node's logs and snapshots lie in.

use std::sync::Arc;

use dag_log::{OsStorage, Storage};

/// The operating system's files. Where tests ask for it, killing the node cuts the power: what was not synced is gone. The
/// bugs that only a power cut shows bring that with them. Or operations take their time.
pub fn storage() -> Arc<dyn Storage> {
    let files = Arc::new(OsStorage);
    #[cfg(feature = "armed")]
    if let Some(orders) = std::env::var_os("DAG_FAULT_DISK") {
        return Arc::new(dag_storage_faults::Slow::over(files, orders.into()));
    }
    #[cfg(feature = "armed")]
    if ["kill-cuts-power", "no-fsync", "ack-before-fsync", "snapshot-before-output"].into_iter().any(dag_fault::planted)
    {
        return Arc::new(dag_storage_faults::Volatile::over(files));
    }
    files
}
