//! Components that misbehave; `tests/hostile/` has their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{Process, build_component, dag_in, fixture};

/// The source of such a component: its own part, and what all share.
macro_rules! source {
    ($own:literal) => {
        concat!(include_str!(concat!("../hostile/", $own)), include_str!("../hostile/shared.rs"))
    };
}

/// Transforms of one or two inputs that pass records on, each until it meets the value 13.
pub fn transforms() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_component("hostile-transforms", source!("transforms.rs")))
}

/// Aggregates that count records, each until it meets the value 13.
pub fn aggregates() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_component("hostile-aggregates", source!("aggregates.rs")))
}

/// A component that misbehaves in that way when it is described.
pub fn describing(way: &str) -> PathBuf {
    let source = format!("{}\nconst WAY: &str = \"{way}\";\n", source!("describing.rs"));
    build_component(&format!("hostile-describing-{way}"), &source)
}

/// Transforms and aggregates in Go that misbehave in the same ways, and in some of Go's own; none where there is no Go. They are built with a
/// copy of the SDK in which a frame can be spoilt on its way out.
///
/// # Panics
/// If they do not build.
pub fn go() -> Option<(TempDir, PathBuf)> {
    go_project("hostile/go", |project| {
        let instance = project.join("sdk/instance.go");
        let text = fs::read_to_string(&instance).expect("the SDK has it");
        let spoilt = text.replace("return Emitted{Frame: frame,", "return Emitted{Frame: Spoil(frame),").replace(
            "return EncodeFrame(len(slots), []*Builder{results}), nil",
            "return Spoil(EncodeFrame(len(slots), []*Builder{results})), nil",
        );
        assert_eq!(spoilt.matches("Spoil(").count(), 3, "the SDK answers with frames in other places");
        fs::write(&instance, spoilt).expect("the folder is writable");
        let hook = "package dag\n\n// Spoil replaces a frame on its way out.\nvar Spoil = func(frame []byte) []byte { return frame }\n";
        fs::write(project.join("sdk/spoil.go"), hook).expect("the folder is writable");
    })
}

/// A component in Go that misbehaves in that way when it is described; none where there is no Go.
///
/// # Panics
/// If it does not build.
pub fn go_describing(way: &str) -> Option<(TempDir, PathBuf)> {
    go_project("hostile/go-describing", |project| {
        let chosen = format!("package main\n\nconst way = \"{way}\"\n");
        fs::write(project.join("way.go"), chosen).expect("the folder is writable");
    })
}

/// Builds a copy of a project of `tests/` with a copy of the SDK in it, both changed before.
fn go_project(source: &str, change: impl FnOnce(&Path)) -> Option<(TempDir, PathBuf)> {
    let here = Command::new("go").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !here.is_ok_and(|status| status.success()) {
        println!("skipped: `go` is not on the PATH");
        return None;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a folder can be made");
    let project = folder.path();
    fixture::copy_folder(&tests.join(source), project);
    fixture::copy_folder(&tests.join("../guest-sdk/go"), &project.join("sdk"));
    change(project);
    let built = Process::start(dag_in(project, &["build"])).finish().success();
    let component = PathBuf::from(built.trim());
    Some((folder, component))
}
