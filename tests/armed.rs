//! What tests do to a process is in the binary that they run, and in no other; all else of both is compiled once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary that people get, and all that the tests compile.
const PEOPLE: &str = "--package dag --edges normal,build";
const TESTS: &str = "--workspace --edges normal,build,dev";

/// What cargo compiles for that, a package and its features each.
fn compiled(what: &str) -> BTreeSet<String> {
    let tree = ["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p} [{f}]"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above");
    let output = Command::new(env!("CARGO")).args(tree).args(what.split(' ')).current_dir(folder).output();
    let output = output.expect("cargo runs the tests");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    // `dag-node v0.1.0 (/folder) [armed] (*)`: where it lies, and that it was listed before, do not count.
    let plain = |line: &str| {
        let (package, features) = line.trim_end_matches(" (*)").rsplit_once(" [").expect("features in brackets");
        format!("{} [{features}", package.split(" (").next().unwrap_or(package))
    };
    text.lines().filter(|line| !line.is_empty()).map(plain).collect()
}

fn has(packages: &BTreeSet<String>, name: &str) -> bool {
    packages.iter().any(|package| package.starts_with(&format!("{name} ")))
}

#[test]
fn the_binary_that_people_get_has_nothing_that_tests_do_to_a_process() {
    let (people, tests) = (compiled(PEOPLE), compiled(TESTS));
    for only_tests in ["dag-storage-faults", "dag-mirror"] {
        assert!(has(&tests, only_tests) && !has(&people, only_tests), "{only_tests}");
    }
    let node = |packages: &BTreeSet<String>| packages.iter().find(|package| package.starts_with("dag-node ")).cloned();
    assert!(node(&tests).is_some_and(|node| node.contains("armed")), "{:?}", node(&tests));
    assert!(node(&people).is_some_and(|node| !node.contains("armed")), "{:?}", node(&people));
    assert!(people.iter().all(|package| !package.contains("armed")), "{people:?}");
}

#[test]
fn what_is_compiled_for_the_tests_is_not_compiled_again_for_the_binary_that_people_get() {
    let tests = compiled(TESTS);
    let again: Vec<String> = compiled(PEOPLE).into_iter().filter(|package| !tests.contains(package)).collect();
    let node = again.iter().all(|package| package.starts_with("dag-node "));
    assert!(
        node,
        "with these features cargo compiles them again, and what depends on them: {again:?}; see cli/Cargo.toml"
    );
}

/// The variables are read in `runtime/storage-faults` alone.
#[test]
fn no_other_source_reads_what_tests_ask_of_a_process() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime"), PathBuf::from("../cli")];
    let (mut readers, mut sources) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it is listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "storage-faults" {
                folders.push(path);
            } else if name.ends_with(".rs") {
                sources += 1;
                let text = fs::read_to_string(&path).expect("it is text");
                if text.contains("DAG_FAULT") {
                    readers.push(path);
                }
            }
        }
    }
    assert!(sources > 300, "{sources} were looked at");
    assert!(readers.is_empty(), "{readers:?}");
}
