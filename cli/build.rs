//! Writes down which files of the checkout lie in the binary: the templates of projects, the SDKs and the interface.
//!
//! `OUT_DIR/embedded.rs` gets the lock file of projects in Rust, and a constant per folder of [`FOLDERS`]: each file's name from there and its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The constant's name, the folder from `cli/`, and what of it is taken: names of files and folders there, all files below them.
const FOLDERS: &[(&str, &str, &[&str])] = &[
    ("TEMPLATES", "templates", &["."]),
    ("WIT", "../wit", &["dag-operator.wit", "frame.md"]),
    ("RUST_ROOT", "templates/rust/sdk", &["."]),
    ("RUST_SDK", "../guest-sdk/rust", &["Cargo.toml", "src"]),
    ("RUST_EXPR", "../runtime/expr", &["Cargo.toml", "src"]),
    ("RUST_FRAME", "../runtime/frame", &["Cargo.toml", "src"]),
    ("GO_SDK", "../guest-sdk/go", &["go.mod", ".go", "dagtest"]),
    ("JS_SDK", "../guest-sdk/js", &["package.json", "src", "tool", "types", "wit"]),
    ("PYTHON_SDK", "../guest-sdk/python/dag_guest", &[".py", "py.typed", "harness", "wit"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let cli = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut source = String::new();
    for (name, folder, taken) in FOLDERS {
        let folder = cli.join(folder);
        let mut files = Vec::new();
        for taken in *taken {
            take(&folder, taken, &mut files);
        }
        files.sort();
        writeln!(source, "pub(super) const {name}: &[(&str, &[u8])] = &[").expect("a text takes all");
        for file in files {
            let inside = file.strip_prefix(&folder).expect("it lies there").to_str().expect("names are UTF-8");
            writeln!(source, "    ({inside:?}, include_bytes!({file:?})),").expect("a text takes all");
        }
        writeln!(source, "];").expect("a text takes all");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let lock = cli.join("../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(&lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    writeln!(source, "const RUST_LOCK: &[u8] = {:?}.as_bytes();", project_lock(&lock)).expect("a text takes all");
    fs::write(out.join("embedded.rs"), source).expect("OUT_DIR can be written to");
}

/// The lock file of a project in Rust: of the workspace's, the packages that the SDK needs, so that a project is built with what the SDK was tested with. Cargo
/// drops from it, with the first build, what only some features need.
fn project_lock(workspace: &str) -> String {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in workspace.split("[[package]]\n").skip(1) {
        let name = package.split('"').nth(1).expect("a package has a name");
        packages.entry(name).or_default().push(package.trim_end());
    }
    let mut wanted = BTreeSet::new();
    let mut next = vec![("dag-guest", None)];
    while let Some((name, version)) = next.pop() {
        let versions = packages.get(name).into_iter().flatten();
        for package in versions
            .filter(|package| version.is_none_or(|version| package.contains(&format!("version = \"{version}\""))))
        {
            if !wanted.insert(*package) {
                continue;
            }
            let (_, dependencies) = package.split_once("dependencies = [").unwrap_or_default();
            for dependency in dependencies.split('"').skip(1).step_by(2) {
                let (name, version) =
                    dependency.split_once(' ').map_or((dependency, None), |(name, version)| (name, Some(version)));
                next.push((name, version));
            }
        }
    }
    let mut lock = "version = 4\n\n[[package]]\nname = \"{{project}}\"\nversion = \"1.0.0\"\ndependencies = [\n \"dag-guest\",\n]\n".to_owned();
    wanted.iter().for_each(|package| lock += &format!("\n[[package]]\n{package}\n"));
    lock
}

/// The files that one entry of [`FOLDERS`] stands for: `.go` is every file in the folder itself whose name ends so, but no test.
fn take(folder: &Path, taken: &str, files: &mut Vec<PathBuf>) {
    if taken.len() > 1 && taken.starts_with('.') {
        println!("cargo::rerun-if-changed={}", folder.display());
        let of_folder = entries(folder);
        let is_taken = |name: &str| name.ends_with(taken) && !name.ends_with("_test.go");
        files.extend(of_folder.into_iter().filter(|path| path.is_file() && is_taken(&path.to_string_lossy())));
        return;
    }
    let mut paths = vec![if taken == "." { folder.to_owned() } else { folder.join(taken) }];
    while let Some(path) = paths.pop() {
        println!("cargo::rerun-if-changed={}", path.display());
        match path.is_dir() {
            true => paths.extend(entries(&path)),
            false => files.push(path),
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a folder can be listed").path()).collect()
}
