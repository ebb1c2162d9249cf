//! The files of a node.

use std::sync::Arc;

use dag_log::Storage;

/// The operating system's files, or what a test has put over them.
pub fn storage() -> Arc<dyn Storage> {
    #[cfg(feature = "armed")]
    return crate::armed::storage();
    #[cfg(not(feature = "armed"))]
    Arc::new(dag_log::OsStorage)
}
