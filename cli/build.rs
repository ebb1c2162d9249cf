//! Writes down which files of the checkout lie in the binary: the templates of projects, the SDKs and the interface.
//!
//! `OUT_DIR/embedded.rs` gets a constant per folder of [`FOLDERS`]: each file's name from there and its bytes.

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
    fs::write(out.join("embedded.rs"), source).expect("OUT_DIR can be written to");
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
