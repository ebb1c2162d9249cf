//! What the environment asks for.

use std::env;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{XattrFlags, fsetxattr};
use rustix::process::{Signal, getpid, kill_process};

struct Kill {
    point: String,
    /// Passes that are left, the deadly one included.
    left: AtomicU64,
}

static KILL: LazyLock<Option<Kill>> = LazyLock::new(|| {
    let asked = env::var("DAG_FAULT_KILL").ok()?;
    let (point, pass) = asked.split_once(':').expect("DAG_FAULT_KILL is a point and a number: append:17");
    let left = pass.parse().expect("DAG_FAULT_KILL is a point and a number: append:17");
    Some(Kill { point: point.to_owned(), left: AtomicU64::new(left) })
});

static BUGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    env::var("DAG_FAULT_BUG").map(|bugs| bugs.split(',').map(str::to_owned).collect()).unwrap_or_default()
});

static COUNT: LazyLock<Option<File>> = LazyLock::new(|| {
    let path = env::var_os("DAG_FAULT_COUNT")?;
    Some(File::options().append(true).create(true).open(path).expect("a test's file"))
});

static POWER: LazyLock<bool> = LazyLock::new(|| env::var_os("DAG_FAULT_POWER").is_some());

static CLOCK: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os("DAG_FAULT_CLOCK").map(PathBuf::from));

pub fn clock_shift() -> i64 {
    let Some(path) = CLOCK.as_ref() else { return 0 };
    let seconds = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.unwrap_or(0).saturating_mul(1_000_000_000)
}

pub fn point(name: &str) {
    if let Some(kill) = KILL.as_ref()
        && kill.point == name
        && kill.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // Nothing after this runs: SIGKILL cannot be caught.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

pub fn count(what: &str, by: usize) {
    if let Some(mut file) = COUNT.as_ref() {
        // One write is one line, whoever else writes.
        file.write_all(format!("{what} {by}\n").as_bytes()).expect("a test's file");
    }
}

pub fn planted(bug: &str) -> bool {
    BUGS.iter().any(|planted| planted == bug)
}

pub fn durable(file: &File, bytes: u64) {
    if *POWER {
        let text = bytes.to_string();
        fsetxattr(file, "user.dag.durable", text.as_bytes(), XattrFlags::empty())
            .expect("the file system has attributes");
    }
}
