//! Projects and components in the languages that are here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dag_tests::{Finished, Process, dag_in, until};
use tempfile::TempDir;

/// How long a language's tools may take here, and a component to be compiled.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether a program is here; if not, that is said, and the test that asks is to be passed over.
pub fn is_here(program: &str) -> bool {
    let here = Command::new(program).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !here {
        println!("skipped: `{program}` is not on the PATH");
    }
    here
}

/// Runs `dag` in a folder, for as long as a language's tools take.
#[track_caller]
pub fn dag(folder: &Path, arguments: &[&str]) -> Finished {
    finished(Process::start(dag_in(folder, arguments)))
}

/// The end of a process that takes long.
#[track_caller]
pub fn finished(mut process: Process) -> Finished {
    until("it has ended", PATIENCE, || (!process.is_running()).then_some(()));
    process.finish()
}

/// A folder of the repository.
pub fn repository(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(inside)
}

/// The component of a Go project of the repository, built from a copy in which texts are replaced.
#[track_caller]
pub fn go_component(project: &str, replaced: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let copy = TempDir::new().expect("a folder can be made");
    let sdk = fs::canonicalize(repository("guest-sdk/go")).expect("it is there");
    for entry in fs::read_dir(repository(project)).expect("it is there") {
        let path = entry.expect("it is listed").path();
        let name = path.file_name().expect("it has one").to_string_lossy().into_owned();
        if path.is_file() && !name.ends_with("_test.go") && name != "go.mod" {
            let text = fs::read_to_string(&path).expect("it is text");
            let text = replaced.iter().fold(text, |text, (from, to)| text.replace(from, to));
            fs::write(copy.path().join(name), text).expect("it can be written");
        }
    }
    let module = format!(
        "module examples\n\ngo 1.26\n\nrequire dag.local/dag v0.0.0\n\nreplace dag.local/dag => {}\n",
        sdk.display()
    );
    fs::write(copy.path().join("go.mod"), module).expect("it can be written");
    let built = dag(copy.path(), &["build"]).success();
    (copy, PathBuf::from(built.trim()))
}
