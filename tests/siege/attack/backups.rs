//! Backups into folders of others: one that was refused emptied a file there, and followed a link.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::client::Client;

/// What the file holds that must stay as it is.
const PRECIOUS: &str = "not the node's";

pub fn make(client: &mut Client) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let (lock, other) = (folder.path().join("lock"), folder.path().join("other"));
    fs::write(&other, PRECIOUS).expect("it is a new folder");
    let way = client.below(3);
    match way {
        0 => fs::write(&lock, PRECIOUS).expect("it is a new folder"),
        1 => symlink(&other, &lock).expect("it is a new folder"),
        _ => {}
    }
    let path = folder.path().to_str().expect("the name of a temporary folder is UTF-8");
    let path = client.one(&["{}", "{}/", "{}/other", "{}/lock"]).replace("{}", path);
    client.post("backup", &[], "application/json", json!({"directory": path}).to_string().as_bytes());
    for file in [other, lock].iter().filter(|file| file.exists() && way < 2) {
        assert_eq!(fs::read_to_string(file).ok().as_deref(), Some(PRECIOUS), "{path} in {}", file.display());
    }
}
