//! Ctrl-C at any moment: nothing is lost, nothing is there twice, and no process stays behind.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use dag_tests::hostile::transforms;
use dag_tests::process::ending;
use dag_tests::{DEADLINE, Node, Process, dag_in, dag_process, until};
use rustix::process::Signal;

/// How many records the file has: some seconds' worth in batches of so few.
const RECORDS: usize = 180_000;
const BATCH: &str = "40";

/// How often it is interrupted.
const TIMES: u64 = 20;

/// The moments of interrupts lie within this time after the start, in milliseconds, at first.
const WITHIN: u64 = 300;

#[test]
fn publishing_a_file_that_is_interrupted_twenty_times_publishes_exactly_the_file() {
    let node = Node::start();
    node.create("x", "value int64", &[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("numbers.csv");
    let lines: String = (0..RECORDS).map(|i| format!("{i},{}\n", i * 7)).collect();
    fs::write(&path, format!("time,value\n{lines}")).expect("a file can be written");
    let path = path.to_str().expect("it is UTF-8");
    let publish = ["publish", "x", path, "--batch-rows", BATCH, "--seal"];

    let records = || node.http().get("streams/x", &[]).json()["records"].as_u64().expect("a count");
    let (mut stopped, mut time) = (0, 0);
    // Where a machine is so slow that nothing gets through before that, it is interrupted later.
    while time < TIMES || records() == 0 {
        time += 1;
        // Moments without a pattern, and the same in each run of the test (Knuth's multiplicative hash).
        let within = WITHIN * time.div_ceil(TIMES);
        let moment = (((time * 2_654_435_761) % (1 << 32)) * within) >> 32;
        let run = node.spawn(&publish);
        thread::sleep(Duration::from_millis(moment));
        run.signal(Signal::INT);
        let ended = run.finish();
        // Before a process has started to listen to it, the signal ends it.
        let expected = matches!(ended.code, Some(0 | 130) | None);
        assert!(expected, "after {moment} ms: {:?} {}", ended.code, ended.stderr);
        stopped += u64::from(ended.code != Some(0));
    }
    assert!(stopped > TIMES / 2, "only {stopped} runs were interrupted before they were done");
    node.dag(&publish).success();

    let found = node.dag(&["subscribe", "x", "--from", "earliest", "--with-position", "--format", "csv"]).success();
    let mut count = 0;
    for (i, line) in found.lines().skip(1).enumerate() {
        assert!(line.contains(&format!("1:{i}")) && line.contains(&format!(",{}", i * 7)), "record {i}: {line}");
        count += 1;
    }
    assert_eq!(count, RECORDS);
}

#[test]
fn ctrl_c_ends_clients_with_130_and_their_demand() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    for arguments in [&["subscribe", "avg(x, 5s)"][..], &["subscribe", "avg(later, 5s)", "--wait"]] {
        let subscriber = node.spawn(arguments);
        let there = || {
            let status = node.status();
            (status["computations"].as_array().is_some_and(|list| !list.is_empty())).then_some(())
        };
        until("the demand is there", DEADLINE, there);
        subscriber.signal(Signal::INT);
        subscriber.finish().code(130);
        node.until_subscribers(0);
        node.until_computing(&[], DEADLINE);
    }
    let mut publisher = node.spawn(&["publish", "x", "--format", "json", "--publisher", "p"]);
    publisher.send("{\"time\":1,\"value\":1}\n");
    let joined = || node.http().get("streams/x/publishers/p", &[]).json()["joined"].as_bool();
    until("it has joined", DEADLINE, || joined().filter(|joined| *joined));
    interrupted_with_its_input_open(publisher).code(130);
    assert_eq!(joined(), Some(false), "it said goodbye");
}

#[test]
fn ctrl_c_ends_a_node_with_subscribers_and_publishers() {
    let mut node = Node::start();
    node.create("x", "value float64", &[]);
    let subscriber = node.spawn(&["subscribe", "avg(x, 5s)"]);
    node.until_subscribers(1);
    node.stop().code(0);
    // Its subscription was not ended by the stream.
    subscriber.finish().code(1);
}

#[test]
fn ctrl_c_leaves_nothing_of_a_demo_behind() {
    let mut demo = dag_process(&["demo"]);
    let first = demo.line();
    assert!(!first.text.is_empty());
    let family = descendants(demo.pid());
    interrupted_with_its_input_open(demo).code(130);
    for pid in family {
        until(&format!("process {pid} is gone"), DEADLINE, || (!is_running(pid)).then_some(()));
    }
}

#[test]
fn ctrl_c_ends_a_pipe() {
    let mut pipe = dag_process(&["pipe", "count(x)", "--input-format", "csv", "--schema", "value float64"]);
    let records: String = (0..10_000).map(|i| format!("{i},1\n")).collect();
    pipe.send(&format!("time,value\n{records}"));
    pipe.line();
    interrupted_with_its_input_open(pipe).code(130);
}

/// A command of which a signal is to leave nothing: its arguments, and what it has to do before its folder is there.
struct Command<'a> {
    arguments: &'a [&'a str],
    prefix: &'a str,
}

#[test]
fn what_asks_a_command_to_end_removes_its_scratch_folder() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (records, endless) = (folder.path().join("records.csv"), transforms().to_str().expect("it is UTF-8"));
    fs::write(&records, "time,value\n0,13\n").expect("a file can be written");
    let commands = [
        Command { arguments: &["demo"], prefix: "dag-demo-" },
        Command {
            arguments: &["pipe", "count(x)", "--input-format", "csv", "--schema", "value float64"],
            prefix: "dag-pipe-",
        },
        // It computes until its operator has taken longer than it may, which is longer than this test needs.
        Command {
            arguments: &["test", endless, "--expr", "loops(x)", "--input", records.to_str().expect("it is UTF-8")],
            prefix: "dag-compute-",
        },
    ];
    for Command { arguments, prefix } in commands {
        for signal in ending() {
            let scratch = tempfile::tempdir().expect("a folder can be made");
            let mut command = dag_in(folder.path(), arguments);
            command.env("TMPDIR", scratch.path());
            let process = Process::start(command);
            until("its folder is there", DEADLINE, || (left(scratch.path(), prefix) > 0).then_some(()));
            process.signal(signal);
            process.finish_with_input_open().code(130);
            assert_eq!(left(scratch.path(), ""), 0, "{arguments:?} after {signal:?}");
        }
    }
}

#[test]
fn a_second_signal_leaves_no_scratch_folder_either() {
    let scratch = tempfile::tempdir().expect("a folder can be made");
    let mut command = dag_in(scratch.path(), &["demo"]);
    command.env("TMPDIR", scratch.path());
    let process = Process::start(command);
    until("its folder is there", DEADLINE, || (left(scratch.path(), "dag-demo-") > 0).then_some(()));
    process.signal(Signal::TERM);
    process.signal(Signal::INT);
    process.finish_with_input_open().code(130);
    assert_eq!(left(scratch.path(), ""), 0);
}

#[test]
fn who_is_to_outlive_its_terminal_is_not_ended_by_its_end() {
    let mut command = std::process::Command::new("nohup");
    let binary = dag_in(Path::new("."), &[]);
    command.arg(binary.get_program()).args(["pipe", "count(x)", "--input-format", "csv", "--schema", "value float64"]);
    let mut process = Process::start(command);
    let records = |from: i64| (from..from + 10_000).map(|i| format!("{i},1\n")).collect::<String>();
    process.send(&format!("time,value\n{}", records(0)));
    process.line();
    process.signal(Signal::HUP);
    process.send(&records(10_000));
    // It has read on.
    while !process.line().text.starts_with("1970-01-01T02:47:") {}
    process.signal(Signal::TERM);
    process.finish_with_input_open().code(130);
}

/// How many files and folders there are whose name begins so.
fn left(folder: &Path, prefix: &str) -> usize {
    let names = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is listed").file_name());
    names.filter(|name| name.to_string_lossy().starts_with(prefix)).count()
}

/// Presses Ctrl-C, and waits for the end of a process that has not seen the end of its input.
#[track_caller]
fn interrupted_with_its_input_open(process: Process) -> dag_tests::Finished {
    process.signal(Signal::INT);
    process.finish_with_input_open()
}

/// The processes that a process has started, and these in turn.
fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("proc(5)")
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(pid)?.1))
        })
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    family
}

/// Whether a process is there and has not ended.
fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists() && stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// A process's state and its parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
