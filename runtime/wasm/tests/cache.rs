//! Compiled code on disk.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use dag_wasm::{Runtime, RuntimeOptions};
use support::Guest;

fn runtime(folder: &Path) -> Runtime {
    Runtime::new(RuntimeOptions { cache: Some(folder.into()) }).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn compiled_code_is_kept_once_and_used_by_the_next_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let module = Guest::default().module();
    let first = runtime(folder.path()).load(&module).unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    assert!(file.file_name().unwrap().to_string_lossy().starts_with(&first.digest().to_string()));
    let written = fs::metadata(file).unwrap().modified().unwrap();

    let second = runtime(folder.path()).load(&module).unwrap();
    assert_eq!(second.signatures(), first.signatures());
    assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), written, "it was not compiled again");
}

#[test]
fn a_damaged_file_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let module = Guest::default().module();
    runtime(folder.path()).load(&module).unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let sound = fs::read(file).unwrap();

    let mut flipped = sound.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [flipped, sound[..sound.len() / 2].to_vec(), b"dagcode1".to_vec(), Vec::new()] {
        fs::write(file, damaged).unwrap();
        assert!(runtime(folder.path()).load(&module).is_ok());
        assert_eq!(fs::read(file).unwrap().len(), sound.len());
    }
}

#[test]
fn what_another_engine_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let stale = folder.path().join("00ff-0123456789abcdef.dagc");
    let foreign = folder.path().join("README");
    fs::write(&stale, "dagcode1").unwrap();
    fs::write(&foreign, "not ours").unwrap();
    runtime(folder.path());
    assert_eq!(files(folder.path()), [foreign]);
}

#[test]
fn what_a_crash_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".unfinished-a1b2c3"), "dagcode1").unwrap();
    runtime(folder.path());
    assert!(files(folder.path()).is_empty());
}
