//! Moments at which a test may kill the process, and bugs that it may plant to see that another test finds them.
//!
//! Without the feature `armed`, which only the end-to-end tests turn on, all of it is nothing. With it, some variables of the
//! environment are read, once:
//!
//! | variable | what it does |
//! |---|---|
//! | `DAG_FAULT_KILL=append:17` | the process sends itself SIGKILL when it passes that point for the 17th time |
//! | `DAG_FAULT_BUG=no-fsync,cursor-ahead` | these bugs are planted |
//! | `DAG_FAULT_CLOCK=/path` | the wall clock is as many seconds ahead as the file says, looked up each time |
//! | `DAG_FAULT_DISK=/path` | operations on files wait as that file orders: see `Slow` of `dag-storage-faults` |
//! | `DAG_FAULT_MIRRORS=17` | all logs are read through mirrors that drop and switch their origins, by chances from that seed |
//! | `DAG_FAULT_COUNT=/path` | what is counted is appended to that file, a line each: `sync 1`, `transaction 1`, `entities 3` |
//! | `DAG_FAULT_POWER=1` | each file of a log says in its extended attribute `user.dag.durable` how many of its bytes are durable, so that a test can take the others |

#[cfg(feature = "armed")]
mod armed;

/// By how many nanoseconds a test has set the wall clock ahead, or back.
#[inline]
pub fn clock_shift() -> i64 {
    #[cfg(feature = "armed")]
    return armed::clock_shift();
    #[cfg(not(feature = "armed"))]
    0
}

/// Passes a moment in which a test may kill the process: `append`, `fsync`, `rename`, `replace`, `snapshot`, `retention`, `compile`, `deploy`,
/// `backup`, `take-over`, `errors`, `delete`.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "armed")]
    armed::point(name);
    let _ = name;
}

/// Notes that so many bytes of a file are durable, for a test that cuts the power.
#[inline]
pub fn durable(file: &std::fs::File, bytes: u64) {
    #[cfg(feature = "armed")]
    armed::durable(file, bytes);
    let _ = (file, bytes);
}

/// Counts what a test wants to know the cost of: a `sync` of a file or a folder, a `transaction` of metadata, the `entities` that it touched.
#[inline]
pub fn count(what: &'static str, by: usize) {
    #[cfg(feature = "armed")]
    armed::count(what, by);
    let _ = (what, by);
}

/// Whether a bug is planted. Each place that asks is a promise that some test would notice its breaking.
#[inline]
pub fn planted(bug: &'static str) -> bool {
    #[cfg(feature = "armed")]
    return armed::planted(bug);
    #[cfg(not(feature = "armed"))]
    {
        let _ = bug;
        false
    }
}
