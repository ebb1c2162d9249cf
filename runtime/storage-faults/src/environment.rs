//! What the environment asks for: how an end-to-end test reaches the process that it tests.
//!
//! | variable | what it does |
//! |---|---|
//! | `DAG_FAULT_KILL=write .seg:17` | the process sends itself SIGKILL at that pass of that operation: see [`Kill`] |
//! | `DAG_FAULT_POWER=kill` | killing the process cuts the power: what was not synced is gone |
//! | `DAG_FAULT_POWER=noted` | each file says of itself how many of its bytes are durable, so that a test can take the others: see [`Noted`] |
//! | `DAG_FAULT_SYNC=late` | syncs of logs are said to be done before they are: see [`Lying`] |
//! | `DAG_FAULT_DISK=/path` | operations on files wait as that file orders: see [`Slow`] |
//! | `DAG_FAULT_COUNT=/path` | what is counted is appended to that file: see [`Counts`] |
//! | `DAG_FAULT_CLOCK=/path` | the wall clock is as many seconds ahead as the file says, looked up each time |
//! | `DAG_FAULT_MIRRORS=17` | all logs are read through mirrors that drop and switch their origins, by chances from that seed |
//! | `DAG_FAULT_SNAPSHOTS=forget` | snapshots lack what operators hold and what waits to be written |

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use dag_storage::Storage;

use crate::{Around, Counts, Kill, Lie, Lying, Noted, Operation, Slow, Surrounded, Volatile};

/// The storage that is asked for, over `files`, which are the operating system's.
///
/// # Panics
/// If a variable asks for something that there is not.
pub fn storage(files: Arc<dyn Storage>) -> Arc<dyn Storage> {
    let mut storage = files;
    match env::var("DAG_FAULT_POWER").ok().as_deref() {
        None => {}
        Some("kill") => storage = Arc::new(Volatile::over(storage)),
        Some("noted") => storage = Arc::new(Noted::over(storage)),
        Some(other) => panic!("DAG_FAULT_POWER is `kill` or `noted`, not `{other}`"),
    }
    match env::var("DAG_FAULT_SYNC").ok().as_deref() {
        None => {}
        Some("late") => storage = Arc::new(Lying::over(storage, Lie::Late)),
        Some(other) => panic!("DAG_FAULT_SYNC is `late`, not `{other}`"),
    }
    if let Some(orders) = env::var_os("DAG_FAULT_DISK") {
        storage = Arc::new(Surrounded::over(storage, Slow::by(orders.into())));
    }
    match AROUND.kill.is_some() || AROUND.counts.is_some() {
        true => Arc::new(Surrounded::over(storage, &*AROUND)),
        false => storage,
    }
}

/// What is done around operations of all files, the metadata's among them.
struct Everywhere {
    kill: Option<Kill>,
    counts: Option<Counts>,
}

static AROUND: LazyLock<Everywhere> = LazyLock::new(|| {
    let kill = env::var("DAG_FAULT_KILL").ok();
    Everywhere {
        kill: kill.map(|order| order.parse().unwrap_or_else(|why| panic!("DAG_FAULT_KILL: {why}"))),
        counts: env::var_os("DAG_FAULT_COUNT").map(|file| Counts::to(Path::new(&file))),
    }
});

impl Around for &Everywhere {
    fn before(&self, operation: Operation, path: &Path) {
        self.counts.iter().for_each(|counts| counts.before(operation, path));
        self.kill.iter().for_each(|kill| kill.before(operation, path));
    }

    fn after(&self, operation: Operation, path: &Path) {
        self.kill.iter().for_each(|kill| kill.after(operation, path));
    }
}

/// Does around an operation on a file that is not behind [`Storage`] what is done around all others.
pub fn around<T>(operation: Operation, path: &Path, perform: impl FnOnce() -> T) -> T {
    let around = &*AROUND;
    around.before(operation, path);
    let result = perform();
    around.after(operation, path);
    result
}

/// By how many nanoseconds a test has set the wall clock ahead, or back.
pub fn clock_shift() -> i64 {
    static CLOCK: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os("DAG_FAULT_CLOCK").map(PathBuf::from));
    let Some(path) = CLOCK.as_ref() else { return 0 };
    let seconds = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.unwrap_or(0).saturating_mul(1_000_000_000)
}

/// The seed of the mirrors through which logs are read, if that is asked for.
///
/// # Panics
/// If it is not a number.
pub fn mirrors() -> Option<u64> {
    env::var("DAG_FAULT_MIRRORS").ok().map(|seed| seed.parse().expect("DAG_FAULT_MIRRORS is a number"))
}

/// Whether snapshots are to lack what operators hold and what waits to be written.
pub fn forgets_in_snapshots() -> bool {
    env::var("DAG_FAULT_SNAPSHOTS").is_ok_and(|asked| asked == "forget")
}
