//! What the command line promises where no node is needed.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

const COMMANDS: [&str; 16] = [
    "serve",
    "create",
    "publish",
    "subscribe",
    "deploy",
    "operators",
    "rollback",
    "streams",
    "status",
    "explain",
    "pipe",
    "new",
    "build",
    "test",
    "dev",
    "demo",
];

fn dag(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.args(arguments).env_remove("DAG_NODE").stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// The URL of a port that nobody listens on.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in COMMANDS {
        let output = dag(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains(&format!("Examples:\n  dag {command}")), "{command}: {}", stdout(&output));
    }
}

#[test]
fn examples_show_expressions_in_shell_quotes() {
    for command in COMMANDS {
        let help = dag(&[command, "--help"]);
        let examples = stdout(&help).lines().filter(|line| line.starts_with("  dag ") && line.contains('('));
        for example in examples {
            let bare: String = example.split(['"', '\'']).step_by(2).collect();
            assert!(!bare.contains(['(', '*']), "unquoted for the shell: {example}");
        }
    }
}

#[test]
fn the_help_lists_every_command_and_the_exit_codes() {
    let output = dag(&["--help"]);
    for command in COMMANDS {
        assert!(stdout(&output).contains(&format!("\n  {command} ")), "{command}");
    }
    assert!(stdout(&output).contains("Exit codes: 0 done, 1 failed, 2 misuse"));
}

#[test]
fn misuse_ends_with_2() {
    for arguments in [
        &["subscribe"][..],
        &["nothing"],
        &["subscribe", "x", "--since", "1h", "--from", "earliest"],
        &["subscribe", "x", "--timeout", "soon"],
        &["create", "x", "--schema", "value float"],
        &["create", "x", "--schema", "value float64", "--no-time", "--unit", "ms"],
        &["publish", "x", "--format", "xml"],
        &["publish", "x", "--batch-rows", "0"],
        &["status", "--node", "ftp://127.0.0.1:7324"],
        &["status", "--node", "not a url"],
    ] {
        let output = dag(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty() && stderr(&output).starts_with("error: "), "{arguments:?}");
    }
}

#[test]
fn an_unreachable_node_is_named_with_what_to_do() {
    let node = nobody();
    for arguments in [&["status"][..], &["subscribe", "avg(cpu_util, 5min)"], &["publish", "cpu_util"]] {
        let output = dag(&[arguments, &["--node", &node]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr(&output),
            format!(
                "error: cannot reach a node at {node}: start one with `dag serve`, or name one with --node or DAG_NODE\n"
            )
        );
    }
}

#[test]
fn the_node_may_be_named_by_a_variable_and_without_its_scheme() {
    let node = nobody();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    let output = command.arg("streams").env("DAG_NODE", node.trim_start_matches("http://")).output().unwrap();
    assert!(stderr(&output).contains(&format!("cannot reach a node at {node}: ")), "{}", stderr(&output));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("ops.wasm");
    let output = dag(&["deploy", missing.to_str().unwrap(), "--node", &nobody()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with(&format!("error: cannot read {}: ", missing.display())));
    fs::write(&missing, b"\0asm").unwrap();
    assert!(stderr(&dag(&["deploy", missing.to_str().unwrap(), "--node", &nobody()])).contains("cannot reach a node"));
}
