//! Compiled code on disk.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use dag_wasm::{Built, InstanceOptions, Limits, Runtime, RuntimeOptions};
use support::Guest;

fn runtime(folder: &Path) -> Runtime {
    Runtime::new(RuntimeOptions { cache: Some(folder.into()), ..RuntimeOptions::default() }).unwrap()
}

/// A component whose code is kept in that folder.
fn kept(folder: &Path, guest: Guest) -> Built {
    let runtime = runtime(folder);
    let built = runtime.build(&guest.module(), Limits::default()).unwrap();
    assert!(runtime.kept(built.digest, &built.description).is_none(), "building keeps nothing");
    runtime.keep(&built);
    built
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn code_that_is_kept_is_used_by_the_next_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let built = kept(folder.path(), Guest::default());
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    assert!(file.file_name().unwrap().to_string_lossy().starts_with(&built.digest.to_string()));
    let component = runtime(folder.path()).kept(built.digest, &built.description).unwrap();
    assert_eq!((component.digest(), component.description()), (built.digest, &built.description));
    assert!(component.aggregate(InstanceOptions::default()).is_ok());
}

#[test]
fn a_damaged_file_is_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let built = kept(folder.path(), Guest::default());
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let sound = fs::read(file).unwrap();

    let mut flipped = sound.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [flipped, sound[..sound.len() / 2].to_vec(), b"dagcode1".to_vec(), Vec::new()] {
        fs::write(file, damaged).unwrap();
        let runtime = runtime(folder.path());
        assert!(runtime.kept(built.digest, &built.description).is_none());
        runtime.keep(&built);
        assert!(runtime.kept(built.digest, &built.description).is_some());
    }
}

#[test]
fn what_is_not_wanted_any_more_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let other = kept(folder.path(), Guest::default());
    let built = kept(folder.path(), Guest { version: "1.2.4", ..Guest::default() });
    fs::write(folder.path().join("README"), "not ours").unwrap();
    let runtime = runtime(folder.path());
    runtime.keep_only(&|digest| digest == built.digest);
    assert!(runtime.kept(other.digest, &other.description).is_none());
    assert!(runtime.kept(built.digest, &built.description).is_some());
    assert_eq!(files(folder.path()).len(), 2);
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
