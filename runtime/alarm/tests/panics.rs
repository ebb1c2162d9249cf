//! What panics ends the process, and nothing is started that could panic without anybody noticing.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// Set for the process that is to end.
const ENDING: &str = "DAG_ALARM_TEST";

const SIGABRT: i32 = 6;

#[test]
fn a_panic_of_a_thread_or_a_task_under_an_alarm_ends_the_process() {
    if let Ok(way) = env::var(ENDING) {
        match way.as_str() {
            "thread" => drop(dag_alarm::thread("victim", || panic!("by the test")).unwrap().join()),
            "work" => drop(std::thread::spawn(|| dag_alarm::work("victim", || panic!("by the test"))).join()),
            _ => dag_alarm::thread("victim", || ()).unwrap().join().unwrap(),
        }
        return;
    }
    let name = "a_panic_of_a_thread_or_a_task_under_an_alarm_ends_the_process";
    let ended = |way: &str| {
        let mut again = Command::new(env::current_exe().unwrap());
        again.args(["--exact", name, "--nocapture"]).env(ENDING, way).output().unwrap()
    };
    for way in ["thread", "work"] {
        let output = ended(way);
        assert_eq!(output.status.signal(), Some(SIGABRT), "{way}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("`victim` is gone"), "{way}");
    }
    assert!(ended("nothing").status.success());
}

/// Each with what becomes of a panic in it.
const KNOWN: [(&str, usize, &str); 7] = [
    ("alarm/src/lib.rs", 1, "the alarm itself"),
    ("wasm/src/builder/child.rs", 1, "joined, and its panic is what the child answers"),
    ("wasm/src/builder/mod.rs", 2, "scoped: a panic is one of the request that has something built"),
    ("log/src/commit.rs", 1, "scoped: it panics where it was started, which is under an alarm"),
    ("node/src/pipe/mod.rs", 1, "awaited by `dag pipe`, which fails with it"),
    ("transport/src/serve.rs", 1, "one stream, which ends without the end that it should have"),
    ("node/src/http/serve.rs", 2, "one connection, which breaks off"),
];

#[test]
fn everything_that_is_started_beside_a_request_has_an_alarm() {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![runtime.to_owned()];
    let mut bare = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(runtime).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !inside.contains("/src/") || !inside.ends_with(".rs") || inside.ends_with("tests.rs") {
                continue;
            }
            // Unit tests stand at the end of a file.
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\nmod tests {").next().unwrap();
            let starts = |line: &&str| {
                // Child processes are started by `.spawn()`.
                let line = line.replace(".spawn()", "");
                let spawns = ["thread::spawn(", ".spawn(", "tokio::spawn("].iter().any(|spawn| line.contains(spawn));
                spawns && !line.contains("dag_alarm::") && !line.trim_start().starts_with("//")
            };
            let count = code.lines().filter(starts).count();
            let known = KNOWN.iter().find(|(file, ..)| *file == inside).map_or(0, |(_, count, _)| *count);
            if count > known {
                bare.push(format!("{inside}: {count}, where {known} are known"));
            }
        }
    }
    assert!(bare.is_empty(), "use dag_alarm::thread, or dag_alarm::task within tokio::spawn: {bare:?}");
}
