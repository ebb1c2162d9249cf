//! What projects are told that cannot be built.

use std::fs;
use std::path::Path;
use std::process::Command;

use dag_tests::{Node, Process, build_component, dag_in};
use tempfile::TempDir;

use crate::kit::{dag, finished, go_component, is_here};

fn project(language: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    dag(folder.path(), &["new", "op", "--lang", language, "--kind", "transform", "--folder", "."]).success();
    folder
}

#[test]
fn a_missing_tool_is_named_with_how_to_get_it() {
    let tools = [
        ("go", "go", "https://go.dev"),
        ("rust", "cargo", "https://rustup.rs"),
        ("js", "node", "https://nodejs.org"),
        ("ts", "node", "https://nodejs.org"),
        ("python", "python3", "https://www.python.org"),
    ];
    for (language, tool, source) in tools {
        let folder = project(language);
        for doing in ["build", "test"] {
            is_missing(folder.path(), folder.path().to_str().unwrap(), doing, tool, source);
        }
    }
    // Node.js without npm.
    let folder = project("js");
    let bin = with_tool(folder.path(), "node", "echo v20.20.2");
    is_missing(folder.path(), &bin, "build", "npm", "https://nodejs.org");
}

/// That a command in a project says with that path which tool it lacks, and where that is to be had.
#[track_caller]
fn is_missing(project: &Path, path: &str, doing: &str, tool: &str, source: &str) {
    let mut command = dag_in(project, &[doing]);
    command.env("PATH", path);
    let error = Process::start(command).finish().code(1).stderr;
    assert!(error.contains(&format!("`{tool}` is not on your PATH")) && error.contains(source), "{error}");
}

#[test]
fn a_tool_of_another_version_is_refused() {
    let tools = [
        (
            "rust",
            "cargo",
            "cargo 1.70.0 (7fe40dc8c 2023-04-27)",
            "of version 1.70; it takes 1.95 or later",
            "https://rustup.rs",
        ),
        ("go", "go", "go version go1.19 linux/amd64", "of version 1.19; it takes 1.26 or later", "https://go.dev/dl/"),
        ("js", "node", "v16.20.2", "of version 16.20; it takes 20.0 or later", "https://nodejs.org"),
        ("ts", "node", "v18.1.0", "of version 18.1; it takes 20.0 or later", "https://nodejs.org"),
        ("python", "python3", "Python 3.8.10", "of version 3.8; it takes 3.10 or later", "https://www.python.org"),
    ];
    for (language, tool, prints, says, source) in tools {
        let folder = project(language);
        let bin = with_tool(folder.path(), tool, &format!("echo '{prints}'"));
        let mut command = dag_in(folder.path(), &["build"]);
        command.env("PATH", format!("{bin}:/usr/bin:/bin"));
        let error = Process::start(command).finish().code(1).stderr;
        assert!(error.contains(&format!("`{tool}` is {says}")) && error.contains(source), "{error}");
    }
}

/// A folder with a program of that name, which does what a shell is told.
fn with_tool(folder: &Path, tool: &str, does: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.join("build-tools");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join(tool);
    fs::write(&program, format!("#!/bin/sh\n{does}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    bin.display().to_string()
}

/// Where nobody listens: what would be fetched cannot be.
const NOWHERE: &str = "http://127.0.0.1:9/";

#[test]
fn what_cannot_be_fetched_is_said_with_what_fetches_it_and_from_where() {
    let fetching = [
        (
            "js",
            "npm",
            "npm fetches what package-lock.json names from its registry, once, and needs the network for that",
        ),
        (
            "python",
            "python3",
            "pip fetches what requirements.txt names from its index, once, and needs the network for that",
        ),
    ];
    for (language, tool, says) in fetching {
        if !is_here(tool) {
            continue;
        }
        let folder = project(language);
        let mut command = dag_in(folder.path(), &["build"]);
        command.env("npm_config_registry", NOWHERE).env("npm_config_replace_registry_host", "always");
        command.env("npm_config_fetch_retries", "0").env("npm_config_cache", folder.path().join(".npm-cache"));
        command.env("PIP_INDEX_URL", NOWHERE).env("PIP_RETRIES", "0").env("PIP_NO_CACHE_DIR", "1");
        command.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_FIND_LINKS", "");
        let error = finished(Process::start(command)).code(1).stderr;
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_project_for_another_version_of_the_interface_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("op.wasm");
    let component = r#"(component (import "dag:operator/host@0.9.0" (instance)))"#;
    fs::write(&file, wat::parse_str(component).unwrap()).unwrap();
    let node = Node::start();
    let said = [
        node.dag(&["deploy", file.to_str().unwrap()]).code(1).stderr,
        dag(folder.path(), &["test", "op.wasm"]).code(1).stderr,
    ];
    for error in said {
        assert!(error.contains("built for `dag:operator/host@0.9.0`; this node speaks dag:operator@0.1.0"), "{error}");
        assert!(error.contains("`dag build --sdk`"), "{error}");
    }
}

#[test]
fn an_import_that_nothing_answers_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("op.wasm");
    let component = r#"(component (import "acme:database/client@1.2.0" (instance)))"#;
    fs::write(&file, wat::parse_str(component).unwrap()).unwrap();
    let node = Node::start();
    let said = [
        node.dag(&["deploy", file.to_str().unwrap()]).code(1).stderr,
        dag(folder.path(), &["test", "op.wasm"]).code(1).stderr,
    ];
    for error in said {
        assert!(error.contains("imports `acme:database/client@1.2.0`, which nothing here answers"), "{error}");
        assert!(error.contains("build it without what needs this"), "{error}");
    }
}

#[test]
fn a_core_module_for_preview_1_is_refused_with_what_to_do() {
    if !is_here("go") {
        return;
    }
    let node = Node::start();
    let folder = project("go");
    dag(folder.path(), &["build"]).success();
    // What Go's compiler leaves lies beside the component.
    let error = node.dag(&["deploy", folder.path().join("build/op.core.wasm").to_str().unwrap()]).code(1).stderr;
    assert!(
        error.contains("this is a core module for preview 1 of WASI") && error.contains("build/NAME.wasm"),
        "{error}"
    );
    finished(node.spawn(&["deploy", folder.path().join("build/op.wasm").to_str().unwrap()])).success();
}

#[test]
fn a_name_that_is_taken_and_a_schema_that_an_operator_does_not_accept_are_told() {
    if !is_here("go") {
        return;
    }
    let node = Node::start();
    let folder = TempDir::new().unwrap();
    let build = |name: &str| {
        dag(folder.path(), &["new", name, "--lang", "go", "--kind", "transform"]).success();
        dag(&folder.path().join(name), &["build"]).success().trim().to_owned()
    };
    let error = finished(node.spawn(&["deploy", &build("filter")])).code(1).stderr;
    assert!(error.contains("operator `filter` is exported by component `transforms` already: rename it"), "{error}");

    finished(node.spawn(&["deploy", &build("smooth")])).success();
    node.create("names", "host utf8", &[]);
    node.create("texts", "value utf8", &[]);
    let refused = |expression: &str| node.dag(&["subscribe", expression]).code(1).stderr;
    let error = refused("smooth(names, 0.2)");
    assert!(error.contains("no column `value`") && error.contains("host"), "{error}");
    let error = refused("smooth(texts, 0.2)");
    assert!(error.contains("`value`") && error.contains("utf8"), "{error}");
}

#[test]
fn what_a_project_may_be_called_is_built_and_what_it_may_not_is_said() {
    let folder = TempDir::new().unwrap();
    let new = |name: &str, language: &str, kind: &str| {
        dag(
            folder.path(),
            &["new", name, "--lang", language, "--kind", kind, "--folder", &format!("{language}-{name}-{kind}")],
        )
    };
    for language in ["rust", "go", "js", "ts", "python"] {
        for word in ["and", "case", "late", "errors", "true"] {
            let error = new(word, language, "transform").code(2).stderr;
            assert!(
                error.contains(&format!("cannot be called `{word}`")) && error.contains(&format!("`my-{word}`")),
                "{error}"
            );
        }
        let long = "a".repeat(41);
        assert!(new(&long, language, "transform").code(2).stderr.contains("at most 40"));
        assert!(new("1abc", language, "transform").code(2).stderr.contains("a letter first"));
    }
    // Words of the languages, and of what their projects are made of.
    let longest = "a".repeat(40);
    for name in ["type", "func", "main", "fmt", "std", "time", "go", longest.as_str()] {
        if is_here("go") {
            new(name, "go", "aggregate").success();
            let project = folder.path().join(format!("go-{name}-aggregate"));
            // What compiles is built, too, whatever it is called; so one that is built is enough.
            if name == longest {
                dag(&project, &["build"]).success();
            }
            let mut tests = Command::new("go");
            tests.args(["vet", "./..."]).current_dir(&project).env("GOWORK", "off").env("GOTOOLCHAIN", "local");
            assert!(tests.output().unwrap().status.success(), "{name}");
        }
    }
    for name in ["class", "async", "none", "true-false", "fold", "transform", "arguments", "records", "type", "self"] {
        for kind in ["aggregate", "transform"] {
            if is_here("python3") {
                new(name, "python", kind).success();
                let mut tests = Command::new("python3");
                tests.args(["-m", "unittest"]).env("PYTHONPATH", "sdk/python").env("PYTHONDONTWRITEBYTECODE", "1");
                let ended = tests.current_dir(folder.path().join(format!("python-{name}-{kind}"))).output().unwrap();
                assert!(ended.status.success(), "{name}: {}", String::from_utf8_lossy(&ended.stderr));
            }
        }
    }
    // What the operator's type is called where the name itself means something else there.
    let called = [
        ("rust", "type", "src/lib.rs", "pub struct TypeOperator {"),
        ("rust", "self", "src/lib.rs", "pub struct SelfOperator {"),
        ("rust", "async", "src/lib.rs", "pub struct Async {"),
        ("js", "transform", "operator.js", "class TransformOperator extends Transform {"),
        ("js", "class", "operator.js", "class Class extends Transform {"),
        ("ts", "arguments", "operator.ts", "class ArgumentsOperator extends Transform {"),
    ];
    for (language, name, file, line) in called {
        new(name, language, "transform").success();
        let text = fs::read_to_string(folder.path().join(format!("{language}-{name}-transform/{file}"))).unwrap();
        assert!(text.contains(line), "{text}");
    }
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

/// Fails at a value of 3 or more, in three ways.
const FAILING: &str = r#"
use dag_guest::{About, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Transform};

pub struct Fails;

impl Operator for Fails {
    const ABOUT: About = About { name: "fails", doc: "It fails.", example: "fails(x)" };
}

impl Transform for Fails {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Fails>> {
        Ok(Opened::ordered(Fails, Schema::new(Vec::new()), Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, _: &mut Output) -> Result {
        let values = inputs.first().column(0).as_f64().unwrap().to_vec();
        for value in values.iter() {
            match *value as i64 {
                3 => return Err("three is refused".into()),
                4 => drop(values[values.len()]),
                5 => assert_eq!(*value, 6.0, "five is not six"),
                _ => {}
            }
        }
        Ok(())
    }
}

dag_guest::export_transforms!(component = "failing", version = "1.0.0", [Fails]);
"#;

#[test]
fn an_error_and_a_panic_in_rust_reach_the_subscriber_with_their_lines() {
    let component = build_component("failing", FAILING);
    let node = Node::start();
    finished(node.spawn(&["deploy", component.to_str().unwrap()])).success();
    let fails = |value: i64, expected: &str, at: Option<&str>| {
        let stream = format!("x{value}");
        node.create(&stream, "value float64", &[]);
        node.publish(&stream, &format!("time,value\n0,{value}\n"), &["--seal"]);
        let error = node.dag(&["subscribe", &format!("fails({stream})"), "--from", "earliest"]).code(1).stderr;
        assert!(error.contains(expected), "{error}");
        if let Some(line) = at {
            let line = FAILING.lines().position(|text| text.contains(line)).unwrap() + 1;
            assert!(error.contains(&format!("src/lib.rs:{line}:")), "{error}");
        }
    };
    fails(3, "three is refused", None);
    fails(4, "index out of bounds: the len is 1 but the index is 1", Some("values[values.len()]"));
    fails(5, "five is not six", Some("assert_eq!"));
}
