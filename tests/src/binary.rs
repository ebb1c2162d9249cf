//! The `dag` binary that is tested.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::process::{Finished, Process};

/// Runs `dag` to its end, without a node.
pub fn dag(arguments: &[&str]) -> Finished {
    dag_with_input(arguments, b"")
}

/// Runs `dag` to its end, without a node, with this on its standard input.
pub fn dag_with_input(arguments: &[&str], input: &[u8]) -> Finished {
    Process::with_input(command(arguments), input).finish()
}

/// A command line of `dag` that runs in that folder, without a node.
pub fn dag_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.current_dir(folder);
    command
}

/// Starts `dag` beside the test, without a node.
pub fn dag_process(arguments: &[&str]) -> Process {
    Process::start(command(arguments))
}

/// A command line of the tested binary, which no variable of the caller's reaches.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("DAG_") {
            command.env_remove(name);
        }
    }
    // How full this machine's disk is should not decide; --disk-reserve counts before this.
    command.env("DAG_DISK_RESERVE", "0");
    command.args(arguments);
    command
}

/// Beside the test executable, where cargo puts the workspace's binaries: `target/<profile>/dag`.
fn path() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(find);
    &PATH
}

fn find() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it lies");
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let path = profile.join("dag");
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    // A binary that does not obey would let tests pass that check nothing.
    let told = Command::new(&path).arg("--version").output().expect("it is a binary");
    let told = String::from_utf8_lossy(&told.stdout);
    let obeys = told.ends_with(" (armed: made for tests)\n");
    assert!(obeys, "{} is {told:?}: run `cargo build --workspace --bins`, whose binary obeys tests", path.display());
    path
}
