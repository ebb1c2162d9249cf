//! What projects are told that cannot be built.

use std::fs;

use dag_tests::{Node, Process, dag_in};
use tempfile::TempDir;

use crate::kit::{dag, finished, go_component, is_here};

fn project(language: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    dag(folder.path(), &["new", "op", "--lang", language, "--kind", "transform", "--folder", "."]).success();
    folder
}

#[test]
fn a_missing_tool_is_named_with_how_to_get_it() {
    for (language, tool, source) in [("go", "go", "https://go.dev"), ("rust", "cargo", "https://rustup.rs")] {
        let folder = project(language);
        let mut command = dag_in(folder.path(), &["build"]);
        command.env("PATH", folder.path());
        let error = Process::start(command).finish().code(1).stderr;
        assert!(error.contains(&format!("`{tool}` is not on your PATH")) && error.contains(source), "{error}");
    }
}

#[test]
fn a_tool_of_another_version_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = project("go");
    let tool = folder.path().join("go");
    fs::write(&tool, "#!/bin/sh\necho go version go1.19 linux/amd64\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = dag_in(folder.path(), &["build"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    let error = Process::start(command).finish().code(1).stderr;
    assert!(error.contains("`go` is of version 1.19; it takes 1.26 or later"), "{error}");
}

#[test]
fn outside_of_a_project_is_said_what_one_is() {
    let folder = TempDir::new().unwrap();
    let error = dag(folder.path(), &["build"]).code(1).stderr;
    assert!(error.contains("there is no dag.toml") && error.contains("dag new"), "{error}");
    fs::write(folder.path().join("dag.toml"), "name = \"x\"\nlanguage = \"cobol\"\nkind = \"transform\"\n").unwrap();
    let error = dag(folder.path(), &["build"]).code(1).stderr;
    assert!(error.contains("knows no language `cobol`, only rust, go, js, ts, python"), "{error}");
}

#[test]
fn what_a_project_cannot_be_called_is_said() {
    let folder = TempDir::new().unwrap();
    for name in ["9lives", "Ümlaut", "a b", "../up"] {
        let error = dag(folder.path(), &["new", name, "--lang", "go", "--kind", "aggregate"]).code(2).stderr;
        assert!(error.contains("a name is of lower-case letters"), "{error}");
    }
    fs::write(folder.path().join("something"), "").unwrap();
    let error =
        dag(folder.path(), &["new", "op", "--lang", "go", "--kind", "aggregate", "--folder", "."]).code(1).stderr;
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn a_compiler_error_is_shown_and_nothing_is_deployed() {
    if !is_here("go") {
        return;
    }
    let folder = project("go");
    fs::write(folder.path().join("operator.go"), "package main\n\nfunc main() { nonsense }\n").unwrap();
    let error = dag(folder.path(), &["build"]).code(1).stderr;
    assert!(error.contains("undefined: nonsense") && error.contains("`go` failed"), "{error}");
}

#[test]
fn an_error_and_a_panic_in_go_reach_the_subscriber_with_their_lines() {
    if !is_here("go") {
        return;
    }
    let fails = [(
        "\tbatch := in.First()\n\tcolumn := batch.Column(e.column)",
        "\tbatch := in.First()\n\tvar none []int\n\tif batch.Len() > 0 && batch.Column(e.column).Number(0) == 13 {\n\t\treturn fmt.Errorf(\"thirteen is refused\")\n\t}\n\tif \
         batch.Len() > 0 {\n\t\tnone[batch.Len()]++\n\t}\n\tcolumn := batch.Column(e.column)",
    )];
    let (_folder, component) = go_component("guest-sdk/go/examples", &fails);
    let node = Node::start();
    finished(node.spawn(&["deploy", component.to_str().unwrap()])).success();
    for (stream, value, expected) in
        [("x", 1, "panic: runtime error: index out of range"), ("y", 13, "thirteen is refused")]
    {
        node.create(stream, "value float64", &[]);
        node.publish(stream, &format!("time,value\n0,{value}\n"), &["--seal"]);
        let error = node.dag(&["subscribe", &format!("ema_go({stream}, 0.5)"), "--from", "earliest"]).code(1).stderr;
        assert!(error.contains(expected), "{error}");
        assert!(stream == "y" || error.contains("(ema.go:"), "{error}");
    }
}
