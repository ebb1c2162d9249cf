//! What strangers deploy is built in a process that can at most fail, and what was built once is not asked again what it is.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use dag_fuzz::wasm;
use dag_tests::hostile::{aggregates, describing, transforms};
use dag_tests::records::counting;
use dag_tests::{DEADLINE, Node, Options, build_component, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A transform that passes records on, whose component begins with so much memory, and describes itself after so many steps.
fn passing(name: &str, memory: usize, steps: u64) -> PathBuf {
    let source = r#"
use dag_guest::wasm::aggregate::dag::operator::types;
use dag_guest::wasm::transform::exports::dag::operator::transforming::{Guest, Opening, Order, Output};
use dag_guest::encode;
use std::hint::black_box;
use std::sync::Mutex;

struct Component;
dag_guest::wasm::transform::export_transform!(Component with_types_in dag_guest::wasm::transform);

/// Zeros that are not in the file.
static ROOM: Mutex<[u8; MEMORY]> = Mutex::new([0; MEMORY]);

impl Guest for Component {
    fn describe() -> types::Description {
        black_box(&ROOM);
        (0..STEPS).for_each(|step| {
            black_box(step);
        });
        let signature = types::Signature {
            name: NAME.to_owned(), doc: "Passes on.".to_owned(), example: String::new(), min_inputs: 1, max_inputs: Some(1),
            parameters: Vec::new(), key: None, state_written: 1, state_read: vec![1],
        };
        types::Description { name: NAME.to_owned(), version: "1.0.0".to_owned(), operators: vec![signature] }
    }
    fn open(_: String, _: Vec<types::Argument>, inputs: Vec<types::Input>) -> Result<Opening, String> {
        Ok(Opening { schema: inputs[0].schema.clone(), order: Order::Log, lookback: types::Lookback::None })
    }
    fn process(frames: Vec<Vec<u8>>, _: Vec<u8>) -> Result<Output, String> {
        Ok(Output { frame: frames[0].clone(), hold: None, more: false })
    }
    fn advance(_: Option<i64>) -> Result<Output, String> {
        let none = dag_guest::Column::timestamp(std::iter::empty::<Option<i64>>());
        let nothing = dag_guest::Column::float64(std::iter::empty::<Option<f64>>());
        Ok(Output { frame: encode(0, &[none.view(), nothing.view()]), hold: None, more: false })
    }
    fn snapshot() -> Result<Vec<Vec<u8>>, String> { Ok(Vec::new()) }
    fn restore(_: u32, _: Vec<Vec<u8>>) -> Result<(), String> { Ok(()) }
}
"#;
    let constants =
        format!("const NAME: &str = \"{name}\";\nconst MEMORY: usize = {memory};\nconst STEPS: u64 = {steps};\n");
    build_component(&format!("passing-{name}"), &format!("{source}{constants}"))
}

fn node(arguments: &[&str]) -> Node {
    Node::with(Options { arguments: arguments.iter().map(|&it| it.to_owned()).collect(), ..Options::default() })
}

fn deploy(node: &Node, bytes: &[u8]) -> (u16, String) {
    let answer = node.http().post("components", &[], "application/wasm", bytes);
    (answer.status, answer.body)
}

#[track_caller]
fn deployed(node: &Node, component: &Path) {
    let (status, body) = deploy(node, &fs::read(component).expect("it was built"));
    assert_eq!(status, 200, "{body}");
}

/// What lies in the folders of components.
fn kept(node: &Node) -> BTreeSet<PathBuf> {
    let folders = ["components", "compiled"].map(|folder| fs::read_dir(node.data().join(folder)).expect("it is there"));
    folders.into_iter().flatten().map(|entry| entry.expect("it is listed").path()).collect()
}

/// The processes that a process has started and that are there.
fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").expect("there is one").filter_map(Result::ok);
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // proc(5): behind the name in parentheses come the state and the parent.
        let mut fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(&parent.to_string())
    };
    pids.filter(is_child).collect()
}

/// A client that deploys and does not wait for the answer: the connection lasts as long as this does.
fn leaves(node: &Node, bytes: &[u8], parameters: &str) -> TcpStream {
    let mut socket = TcpStream::connect(node.url().trim_start_matches("http://")).expect("the node listens");
    let head = format!(
        "POST /v1/components?{parameters} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    socket.write_all(&[head.as_bytes(), bytes].concat()).expect("the node reads");
    socket
}

/// Waits until a component is being built, and answers the process that does it.
fn until_building(node: &Node) -> u32 {
    until("a component is built", DEADLINE, || children(node.pid()).first().copied())
}

#[test]
fn what_nests_is_refused_by_name_and_the_node_goes_on() {
    let node = node(&[]);
    let pid = node.status()["pid"].clone();
    let before = kept(&node);
    let bombs: [(&str, Vec<u8>); 6] = [
        ("types of components and instances", wasm::types(0x42, 653)),
        ("types of components and instances", wasm::types(0x41, 1_219)),
        ("components and modules", wasm::components(10_000)),
        ("types of components and instances", wasm::component_types(&wasm::types(0x42, 10_000), 1)),
        ("loops", wasm::functions(1, &wasm::nested(0x03, 100_000))),
        ("blocks", wasm::functions(1, &wasm::nested(0x02, 100_000))),
    ];
    for (says, bomb) in bombs {
        for parameters in [&[][..], &[("dry_run", "true")]] {
            let answer = node.http().post("components", parameters, "application/wasm", &bomb);
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"bad-component".into()), "{answer:?}");
            assert!(answer.body.contains(says) && answer.body.contains("the limit is"), "{answer:?}");
        }
    }
    assert_eq!((node.status()["pid"].clone(), kept(&node)), (pid, before));
}

#[test]
fn what_takes_more_memory_or_time_than_building_may_is_refused_with_the_option_that_allows_it() {
    let node = node(&["--build-memory", "128MiB", "--build-time", "1s"]);
    let before = kept(&node);
    let refused = |bytes: &[u8]| {
        let (status, body) = deploy(&node, bytes);
        assert!(status == 400 && body.contains("bad-component") && body.contains("--build-memory"), "{status} {body}");
        body
    };
    let values = refused(&wasm::jumps(8_000, 1_000));
    assert!(values.contains("takes more than"), "{values}");
    let doubled = refused(&wasm::doubling(60));
    assert!(doubled.contains("takes more than"), "{doubled}");
    let looping = fs::read(describing("loops")).expect("it was built");
    let spun = node.http().post("components", &[("time", "60s")], "application/wasm", &looping);
    assert!(spun.status == 400 && spun.body.contains("more than 1s of processor time"), "{spun:?}");
    assert_eq!(kept(&node), before);
    assert!(children(node.pid()).is_empty());
}

#[test]
fn who_leaves_a_deployment_ends_it_and_leaves_nothing() {
    let looping = fs::read(describing("loops")).expect("it was built");
    let mut node = node(&[]);
    let before = kept(&node);
    let gone =
        |pid: u32| until("it is gone", DEADLINE, || (!Path::new(&format!("/proc/{pid}")).exists()).then_some(()));

    let client = leaves(&node, &looping, "time=60s&dry_run=true");
    let building = until_building(&node);
    drop(client);
    gone(building);
    assert_eq!(kept(&node), before);

    let client = leaves(&node, &looping, "time=60s");
    let building = until_building(&node);
    node.crash();
    gone(building);
    assert_eq!(kept(&node), before);
    drop(client);

    let client = leaves(&node, &looping, "time=60s");
    let building = until_building(&node);
    node.stop().code(0);
    gone(building);
    assert_eq!(kept(&node), before);
    drop(client);
}

#[test]
fn deployments_are_built_one_after_the_other_and_more_than_a_few_are_not_kept_waiting() {
    let looping = fs::read(describing("loops")).expect("it was built");
    let node = node(&[]);
    let mut clients = vec![leaves(&node, &looping, "time=60s")];
    let building = until_building(&node);
    // Those who wait are not answered; who comes when no place is left is, at once.
    let refused = until("no place is left", DEADLINE, || {
        let mut client = leaves(&node, &looping, "time=60s");
        client.set_read_timeout(Some(Duration::from_millis(500))).expect("it is a socket");
        let mut answer = [0; 1024];
        let read = client.read(&mut answer);
        clients.push(client);
        let read = read.ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    });
    assert!(
        refused.contains("429") && refused.contains("\"busy\"") && refused.contains("4 deployments wait"),
        "{refused}"
    );
    assert_eq!(children(node.pid()), [building], "one at a time");
    // What is deployed already needs no building, and so no turn.
    let embedded = node.http().get("operators", &[]).json();
    assert!(embedded["operators"].as_array().is_some_and(|operators| !operators.is_empty()));
    drop(clients);
    until("they are gone", DEADLINE, || children(node.pid()).is_empty().then_some(()));
}

#[test]
fn a_process_that_builds_is_not_missed_by_the_node_when_it_is_killed() {
    let looping = fs::read(describing("loops")).expect("it was built");
    let node = node(&[]);
    let http = node.http().clone();
    let answered = thread::spawn(move || http.post("components", &[("time", "60s")], "application/wasm", &looping));
    let building = until_building(&node);
    let pid = i32::try_from(building).ok().and_then(Pid::from_raw).expect("it is a process");
    kill_process(pid, Signal::KILL).expect("it is there");
    let answer = answered.join().expect("it is answered");
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.body.contains("the process that builds components failed"), "{answer:?}");
    assert_eq!(deploy(&node, b"\0asm").0, 400, "the next one has its turn");
}

#[test]
fn dry_runs_and_refused_components_leave_nothing() {
    let component = fs::read(passing("left", 1, 0)).expect("it was built");
    let node = node(&[]);
    let before = kept(&node);
    for number in 0..3 {
        let another = [component.as_slice(), &wasm::custom("number", &[number])].concat();
        let answer = node.http().post("components", &[("dry_run", "true")], "application/wasm", &another);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(kept(&node), before);
    let (status, _) = deploy(&node, &component);
    assert_eq!((status, kept(&node).len()), (200, before.len() + 2));
    let (status, body) = deploy(&node, &[component.as_slice(), &wasm::custom("number", &[9])].concat());
    assert_eq!((status, kept(&node).len()), (409, before.len() + 2), "{body}");
}

#[test]
fn what_could_be_deployed_can_be_used_after_a_restart_whatever_the_limits_are_then() {
    // It begins with more memory than an operator has by default, and takes its time to say what it is.
    let large = passing("large", 312 << 20, 20_000_000);
    let mut node = node(&["--operator-memory", "1GiB", "--operator-time", "60s"]);
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..3), &["--seal"]);
    deployed(&node, &large);
    assert_eq!(node.csv("large(x)").lines().count(), 4);
    node.restart();
    assert_eq!(node.csv("large(x)").lines().count(), 4);

    let limited = ["--operator-memory", "16MiB", "--operator-time", "10ms"].map(str::to_owned).to_vec();
    node.crash_into(Options { arguments: limited, ..Options::default() });
    let unavailable = node.status()["unavailable"].clone();
    assert_eq!(unavailable, Value::Null, "it is not asked again");
    let refused = node.dag(&["subscribe", "large(x)", "--from", "earliest"]).code(1).stderr;
    assert!(refused.contains("limit of 16MiB"), "{refused}");
    node.dag(&["deploy", large.to_str().expect("UTF-8"), "--memory", "1GiB", "--time", "10s"]).success();
    // Its code is gone, as after an upgrade of the engine, and is compiled again within the limits that it was deployed with.
    node.restart_after(|data| fs::remove_dir_all(data.join("compiled")).expect("it is there"));
    assert_eq!(node.csv("large(x)").lines().count(), 4);
}

#[test]
fn a_component_that_is_damaged_makes_its_own_operators_unavailable_by_name_until_it_is_deployed_again() {
    let component = passing("damaged", 1, 0);
    let mut node = node(&[]);
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..3), &["--seal"]);
    deployed(&node, &component);
    let file = |data: &Path, folder: &str| {
        let files = fs::read_dir(data.join(folder)).expect("it is there").map(|entry| entry.expect("listed").path());
        files
            .max_by_key(|path| fs::metadata(path).and_then(|file| file.modified()).expect("it has a time"))
            .expect("one")
    };
    assert_eq!(node.csv("damaged(x)").lines().count(), 4);
    let flipped = |data: &Path| {
        let path = file(data, "components");
        let mut bytes = fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).expect("it can be written");
    };
    node.restart_after(flipped);
    assert_eq!(node.csv("damaged(x)").lines().count(), 4, "its compiled code is sound");
    node.restart_after(|data| fs::remove_dir_all(data.join("compiled")).expect("it is there"));
    let told = |text: &str| {
        let words = ["component `damaged` 1.0.0", "its bytes are not those that were deployed", "deploy it again"];
        words.iter().for_each(|words| assert!(text.contains(words), "{words}: {text}"));
    };
    told(&node.dag(&["subscribe", "damaged(x)", "--from", "earliest"]).code(1).stderr);
    told(&node.dag(&["subscribe", "damaged(x)", "--wait"]).code(1).stderr);
    told(&node.dag(&["status"]).success());
    told(&node.dag(&["operators"]).success());
    assert_eq!(node.csv("count(x, 5s)").lines().count(), 2, "all else works");
    deployed(&node, &component);
    assert_eq!(node.csv("damaged(x)").lines().count(), 4);
    assert_eq!(node.status()["unavailable"], Value::Null);
    node.restart();
    assert_eq!(node.csv("damaged(x)").lines().count(), 4);
}

#[test]
fn computations_beyond_the_number_of_instances_are_refused_and_the_node_goes_on() {
    let arguments = ["--instances", "6"].map(str::to_owned).to_vec();
    let node = Node::with(Options { workers: 1, arguments, ..Options::default() });
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..3), &[]);
    let maps: Vec<String> = (0..6).map(|n| format!("map(filter(x, value >= {n}), value as value)")).collect();
    let many = format!("union({})", maps.join(", "));
    let subscriber = node.spawn(&["subscribe", &many, "--from", "earliest"]);
    until("there is no room", DEADLINE, || {
        let status = node.status().to_string();
        status.contains("there are as many as `dag serve --instances` allows, which is 6").then_some(())
    });
    subscriber.signal(Signal::INT);
    subscriber.finish();
    until("there is room", DEADLINE, || (node.status()["instances"] == 0).then_some(()));
    node.publish("x", &counting(3..4), &["--seal"]);
    assert_eq!(node.csv("filter(x, value >= 1)").lines().count(), 4);

    let maps: Vec<String> = (0..60).map(|n| format!("map(filter(x,value>={n}),value as value)")).collect();
    let refused = node.dag(&["subscribe", &format!("union({})", maps.join(","))]).code(1).stderr;
    assert!(refused.contains("applies at most 100 operators"), "{refused}");
}

#[test]
fn components_take_no_more_of_the_disk_than_they_may_until_one_is_undeployed() {
    let padded = |component: &Path| {
        let bytes = fs::read(component).expect("it was built");
        [bytes, wasm::custom("padding", &vec![0; 9 << 20])].concat()
    };
    let node = node(&["--component-disk", "20MiB"]);
    let (status, body) = deploy(&node, &padded(transforms()));
    assert_eq!(status, 200, "{body}");
    let before = kept(&node);
    let (status, body) = deploy(&node, &padded(aggregates()));
    assert!(status == 413 && body.contains("--component-disk") && body.contains("dag undeploy"), "{status} {body}");
    assert_eq!(kept(&node), before);
    node.dag(&["undeploy", "hostile-transforms"]).success();
    let (status, body) = deploy(&node, &padded(aggregates()));
    assert_eq!(status, 200, "{body}");
}
