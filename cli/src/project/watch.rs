//! Waits for a project's files to change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::Project;
use crate::exit::Exit;
use crate::output;

/// How often the files are looked at. They are few: what tools leave and fetch is passed over.
const INTERVAL: Duration = Duration::from_millis(200);
/// Folders that tools write to.
const PASSED_OVER: [&str; 8] = ["build", "target", "node_modules", "sdk", "venv", ".venv", "__pycache__", "dist"];
/// Files that are looked at.
const FILES: usize = 10_000;

/// The files of a project, and when each changed last.
type State = BTreeMap<PathBuf, SystemTime>;

/// Calls `act` at once, and again after each change of a file, until the process ends.
///
/// # Errors
/// If the folder cannot be looked at, or `act` fails.
pub fn each_change(project: &Project, act: impl FnMut(&Project) -> Result<()>) -> Result<Exit> {
    each_change_until(project, || false, act)
}

/// The same, until `ended` says so.
///
/// # Errors
/// If the folder cannot be looked at, or `act` fails.
pub fn each_change_until(
    project: &Project,
    ended: impl Fn() -> bool,
    mut act: impl FnMut(&Project) -> Result<()>,
) -> Result<Exit> {
    loop {
        let before = state(&project.folder)?;
        act(project)?;
        output::note("waiting for changes; Ctrl-C ends it");
        loop {
            if ended() {
                return Ok(Exit::Interrupted);
            }
            thread::sleep(INTERVAL);
            if state(&project.folder)? != before {
                break;
            }
        }
    }
}

fn state(folder: &Path) -> Result<State> {
    let (mut state, mut folders) = (State::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || PASSED_OVER.contains(&&*name) || state.len() >= FILES {
                continue;
            }
            // A file that an editor has just replaced is looked at the next time.
            let Ok(metadata) = entry.metadata() else { continue };
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => drop(state.insert(entry.path(), metadata.modified()?)),
            }
        }
    }
    Ok(state)
}
