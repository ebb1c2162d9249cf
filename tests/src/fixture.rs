//! What was kept of older versions, in `tests/fixtures`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::node::data_folder;

/// A fixture.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A fixture that is JSON.
///
/// # Panics
/// If it is none.
pub fn json(name: &str) -> Value {
    let text = fs::read_to_string(path(name)).expect("the fixture is in the repository");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// A copy of a fixture that is a data folder.
///
/// # Panics
/// If it cannot be copied.
pub fn data(name: &str) -> TempDir {
    let copy = data_folder();
    copy_folder(&path(name), copy.path());
    copy
}

/// Copies all files below a folder into another one.
///
/// # Panics
/// If one cannot be copied.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy can be made");
    for entry in fs::read_dir(from).expect("there is something to copy") {
        let entry = entry.expect("a folder lists its entries");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("an entry has a type").is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file can be copied")),
        }
    }
}

/// All files below a folder with their bytes, by their paths in it, sorted.
///
/// # Panics
/// If one cannot be read.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn below(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("a folder lists its entries").path();
            if path.is_dir() {
                below(root, &path, found);
            } else {
                let bytes = fs::read(&path).expect("a file can be read");
                found.push((path.strip_prefix(root).expect("it lies below").to_owned(), bytes));
            }
        }
    }
    let mut found = Vec::new();
    below(folder, folder, &mut found);
    found.sort();
    found
}
