//! Inputs read through mirrors that drop and switch their origins, where `DAG_FAULT_MIRRORS` asks for it: no test may notice.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use dag_log::{Committer, Log};
use dag_mirror::Through;

/// A log to read, or a mirror of it that has all that the log has now.
pub fn read(log: &Log) -> Log {
    static MIRRORS: OnceLock<Option<Through>> = OnceLock::new();
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let mirrors = MIRRORS.get_or_init(|| {
        let seed = std::env::var("DAG_FAULT_MIRRORS").ok()?.parse().expect("DAG_FAULT_MIRRORS is a number");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!("mirrors-of-", env!("CARGO_CRATE_NAME")));
        Some(Through::start(&folder, Committer::new(), seed).expect("the folder can be made"))
    });
    let Some(mirrors) = mirrors else { return log.clone() };
    let name = NAMES.fetch_add(1, Ordering::Relaxed).to_string();
    let end = log.visible().end;
    let mirror = mirrors.read(&name, log, 0).expect("its origins are here");
    drop(mirrors.read(&name, log, end).expect("its origins are here"));
    mirror
}
