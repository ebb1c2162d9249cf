//! Arrows between the parts of a node point down only: a part names those below it, never one above. And the documentation that draws them
//! names files that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, the highest first. Parts of one floor do not name each other.
const FLOORS: [&[&str]; 17] = [
    &["pipe"],
    &["serve"],
    &["http"],
    &["node"],
    &["delete"],
    &["undeploy"],
    &["alter", "backup", "deploy", "upkeep"],
    &["formats", "views"],
    &["readers"],
    &["computations"],
    &["operators", "tokens"],
    &["streams"],
    &["metadata"],
    &["config"],
    &["origin", "requests", "private", "tls"],
    &["blocking", "budget", "clock", "deadlines", "layout", "storage"],
    &["armed"],
];

#[test]
fn the_picture_names_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let picture = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    // What is between backticks and is a path: of the repository, or of a crate of the runtime, without its `src`.
    let paths = picture.split('`').skip(1).step_by(2).filter(|path| path.contains('/') && !path.contains(' '));
    let is_there = |path: &&str| {
        let (part, rest) = path.split_once('/').expect("it has a slash");
        root.join(path).exists() || root.join("runtime").join(part).join("src").join(rest).exists()
    };
    let (there, missing): (Vec<&str>, Vec<&str>) = paths.partition(is_there);
    assert_eq!(missing, [] as [&str; 0]);
    assert!(there.len() > 20, "{there:?}");
}

#[test]
fn arrows_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floor = |part: &str| FLOORS.iter().position(|parts| parts.contains(&part));
    let mut wrong = BTreeSet::new();
    for file in sources(&src) {
        let of = file.strip_prefix(&src).unwrap().with_extension("");
        let from = of.iter().next().unwrap().to_str().unwrap().to_owned();
        if from == "lib" || from == "testing" || of.ends_with("tests") {
            continue;
        }
        let above = floor(&from).unwrap_or_else(|| panic!("`{from}` has no floor yet"));
        for to in named(&fs::read_to_string(&file).unwrap()).filter(|to| *to != from) {
            let below = floor(&to).unwrap_or_else(|| panic!("{}: `crate::{to}` is on no floor", file.display()));
            if below <= above {
                wrong.insert((from.clone(), to));
            }
        }
    }
    assert_eq!(wrong, BTreeSet::new(), "these arrows point up");
}

/// The parts that `use crate::` lines and paths in the code name, before its tests.
fn named(code: &str) -> impl Iterator<Item = String> {
    let code = code.split("#[cfg(test)]").next().unwrap().to_owned();
    let lines: Vec<String> =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect();
    lines.into_iter().flat_map(|line| {
        let parts = line.split("crate::").skip(1);
        let parts =
            parts.map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}
