//! Components that misbehave, a way at a time: each gets the error that names what it did, and nobody beside it notices.

#[path = "hostile/ways.rs"]
mod ways;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::beside::Beside;
use dag_tests::component::guest;
use dag_tests::hostile::{self, aggregates, describing, transforms};
use dag_tests::wait::fastest;
use dag_tests::{DEADLINE, Node, Options, crew, until};
use serde_json::Value;
use ways::{DESCRIBING, GO_WAYS, JS_WAYS, REFUSED, WAYS, Way};

/// One test at a time: each of the others would take the processor time that the first one measures.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a failing computation may take to give up: thirty tries with a thousand calls each, for one that has more for ever and yet
/// gets on in between, are what takes longest, and tests share the machine.
const GIVES_UP: Duration = Duration::from_secs(60);

/// How long a component may be built by a node on a machine that has much else to do.
const BUILT: Duration = Duration::from_secs(300);

/// Records that the computation beside has to itself, for comparison.
const ALONE: usize = 250;

fn node(time: &str) -> Node {
    let limits = ["--operator-time", time, "--operator-memory", "16MiB", "--operator-output", "1MiB"];
    Node::with(Options { arguments: limits.map(str::to_owned).to_vec(), ..Options::default() })
}

#[track_caller]
fn deploy(node: &Node, component: &Path) -> Value {
    let answer = node.http().post("components", &[], "application/wasm", &fs::read(component).expect("it was built"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Deploys a component of a language with a runtime of its own, which takes its time to be compiled.
#[track_caller]
fn deploy_large(node: &Node, component: &Path) -> Value {
    let mut deploying = node.spawn(&["deploy", "--json", component.to_str().expect("it is UTF-8")]);
    until("it is built", BUILT, || (!deploying.is_running()).then_some(()));
    serde_json::from_str(&deploying.finish().success()).expect("it is JSON")
}

#[test]
fn each_way_to_misbehave_has_its_error_and_nobody_beside_notices() {
    let _alone = alone();
    let node = node("200ms");
    let digests = [deploy(&node, transforms()), deploy(&node, aggregates())].map(|deployed| deployed["digest"].clone());
    let beside = Beside::start(&node);
    beside.until_more(ALONE);
    let alone = beside.published();
    let told = WAYS.iter().enumerate().map(|(number, way)| {
        let digest = &digests[usize::from(!way.window.is_empty())];
        misbehaves(&node, &format!("h{number}"), way, digest)
    });
    let wrong: Vec<String> = told.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    node.create("x", "value float64", &[]);
    for (expression, says) in REFUSED {
        let refused = node.dag(&["subscribe", expression]).code(1);
        assert!(refused.stderr.contains(says), "{expression}: {}", refused.stderr);
    }
    let latencies = beside.finish();
    let share = |part: f64| (latencies.share(part, 0, alone), latencies.share(part, alone, latencies.count()));
    let ((before, beside), p99) = (share(0.5), share(0.99));
    println!("p99 {:?} beside them over {} records, {:?} alone", p99.1, latencies.count() - alone, p99.0);
    // The slowest of a hundred are a busy machine's affair; what holds one up for as long as a call may take shows in half of them.
    let most = before * 2 + Duration::from_millis(50);
    assert!(beside < most, "half of them took {beside:?} beside them, {before:?} alone");
}

#[test]
fn each_way_to_misbehave_in_go_has_its_error() {
    let Some((_folder, component)) = hostile::go() else { return };
    // The SDK itself looks at the column that is not there.
    let all = REFUSED.iter().map(|(expression, says)| match *expression {
        "binds_to_nothing(x, 5s)" => (*expression, "index out of range [99] with length 1"),
        _ => (*expression, *says),
    });
    all_misbehave(&component, GO_WAYS, &all.collect::<Vec<_>>());
}

#[test]
fn each_way_to_misbehave_in_javascript_has_its_error() {
    let Some(component) = guest("hostile-js") else { return };
    all_misbehave(&component, JS_WAYS, REFUSED);
}

/// Lets each operator of a component misbehave, on a node of its own.
fn all_misbehave(component: &Path, ways: &[Way], refused: &[(&str, &str)]) {
    let _alone = alone();
    let node = node("200ms");
    let digest = deploy_large(&node, component)["digest"].clone();
    let told = ways.iter().enumerate().map(|(number, way)| misbehaves(&node, &format!("h{number}"), way, &digest));
    let wrong: Vec<String> = told.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    node.create("x", "value float64", &[]);
    for (expression, says) in refused {
        let refused = node.dag(&["subscribe", expression]).code(1);
        assert!(refused.stderr.contains(says), "{expression}: {}", refused.stderr);
    }
}

/// Lets an operator meet its 13, and looks at what its subscriber and the status say; answers what is missing there.
fn misbehaves(node: &Node, stream: &str, way: &Way, digest: &Value) -> Result<(), String> {
    let Way { window, operator, says } = way;

    node.create(stream, "value float64", &[]);
    let publish = |seconds: &[u64]| {
        let records: String = seconds.iter().map(|i| format!("{{\"time\":{i},\"value\":{i}}}\n")).collect();
        let answer = node.http().publish(stream, &[], &records);
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    publish(&(0..13).collect::<Vec<_>>());
    let expression = format!("{operator}({stream}{window})");
    let mut subscriber = node.spawn(&["subscribe", &expression, "--from", "earliest"]);
    // It works until it does not.
    subscriber.line();
    publish(&[13, 14, 20]);
    // Time goes on, until it has failed three times.
    let begun = Instant::now();
    for second in 21.. {
        if !subscriber.is_running() {
            break;
        }
        if begun.elapsed() > GIVES_UP {
            return Err(format!("{expression} does not end"));
        }
        publish(&[second]);
        thread::sleep(Duration::from_millis(20));
    }
    let ended = subscriber.finish().code(1);
    let status = node.status();
    let computations = status["computations"].as_array().expect("a status lists computations");
    let failed = computations.iter().find(|computation| computation["stream"] == *expression);
    let failed = failed.ok_or_else(|| format!("{expression} is not in {status}"))?;
    let error = failed["error"].as_str().ok_or_else(|| format!("{failed} has no error"))?;
    for text in [error, &ended.stderr] {
        if let Some(words) = says.iter().chain([&expression.as_str()]).find(|words| !text.contains(**words)) {
            return Err(format!("{expression}: `{words}` is not in: {text}"));
        }
    }
    let again = "trying again in 100ms (2 of 3 in this place)";
    if !ended.stderr.contains(again) {
        return Err(format!("{expression}: `{again}` is not in: {}", ended.stderr));
    }
    let limits = serde_json::json!({"memory": "16MiB", "time": "200ms", "output": "1MiB"});
    let shown = ["state", "operator", "digest", "limits"].map(|field| &failed[field]);
    if shown != [&"failed".into(), &Value::from(*operator), digest, &limits] {
        return Err(format!("{expression} is shown as {failed}"));
    }
    Ok(())
}

#[test]
fn an_operator_that_cannot_be_saved_goes_on_and_the_status_says_why_it_is_not() {
    cannot_be_saved(transforms());
}

#[test]
fn an_operator_in_go_that_cannot_be_saved_goes_on() {
    if let Some((_folder, component)) = hostile::go() {
        cannot_be_saved(&component);
    }
}

#[test]
fn an_operator_in_javascript_that_cannot_be_saved_goes_on() {
    if let Some(component) = guest("hostile-js") {
        cannot_be_saved(&component);
    }
}

/// Lets the operators of a component that cannot be saved go on, and looks at what the status says.
fn cannot_be_saved(component: &Path) {
    let _alone = alone();
    let limits = ["--operator-time", "200ms", "--operator-output", "1MiB", "--snapshot-interval", "100ms"];
    let node = Node::with(Options { arguments: limits.map(str::to_owned).to_vec(), ..Options::default() });
    deploy_large(&node, component);
    for (operator, says) in [("snapshots_never", "longer than the 200ms"), ("snapshots_too_much", "more than the 1MiB")]
    {
        node.create(operator, "value float64", &[]);
        let mut subscriber = node.spawn(&["subscribe", &format!("{operator}({operator})"), "--from", "earliest"]);
        let mut second = 0;
        until(&format!("the status says {says}"), DEADLINE, || {
            second += 1;
            let record = format!("{{\"time\":{second},\"value\":{second}}}\n");
            assert_eq!(node.http().publish(operator, &[], &record).status, 200);
            let line = subscriber.line().text;
            assert!(line.ends_with(&format!("\"value\":{second}.0}}")), "each record once: {line}");
            node.status().to_string().contains(says).then_some(())
        });
    }
}

#[test]
fn a_component_that_cannot_say_what_it_is_is_refused_in_time() {
    let _alone = alone();
    let node = node("200ms");
    for (way, says) in DESCRIBING {
        let component = describing(way);
        fastest(&format!("refusing what {way}"), Duration::from_secs(5), || refused(&node, way, &component, says));
    }
    assert!(!node.http().get("operators", &[]).body.contains("describing"));
}

#[test]
fn a_component_in_go_that_cannot_say_what_it_is_is_refused() {
    let _alone = alone();
    let node = node("200ms");
    for (way, says) in DESCRIBING {
        let Some((_folder, component)) = hostile::go_describing(way) else { return };
        refused(&node, way, &component, says);
    }
    assert!(!node.http().get("operators", &[]).body.contains("describing"));
}

#[test]
fn a_component_in_javascript_that_cannot_say_what_it_is_is_refused() {
    let _alone = alone();
    // To hand two mebibytes of text over takes QuickJS a while, on a machine that has much else to do.
    let node = node("2s");
    for (way, says) in DESCRIBING {
        let Some(component) = guest(&format!("describing-{way}-js")) else { return };
        refused(&node, way, &component, &says.replace("200ms", "2s"));
    }
    assert!(!node.http().get("operators", &[]).body.contains("describing"));
}

/// How long it takes until a component is refused, and that this is why.
#[track_caller]
fn refused(node: &Node, way: &str, component: &Path, says: &str) -> Duration {
    let begun = Instant::now();
    let mut deploying = node.spawn(&["deploy", component.to_str().expect("it is UTF-8")]);
    until("it is refused", BUILT, || (!deploying.is_running()).then_some(()));
    let refused = deploying.finish().code(1);
    assert!(refused.stderr.contains(says), "{way}: {}", refused.stderr);
    begun.elapsed()
}

#[test]
fn nobody_waits_for_an_operator_that_is_asked_what_it_makes_of_an_expression() {
    let _alone = alone();
    let node = node("2s");
    deploy(&node, transforms());
    node.create("x", "value float64", &[]);
    deploy(&node, aggregates());
    let looping = describing("loops");
    let begun = Instant::now();
    let endless = || {
        let http = node.http().clone();
        crew::spawn("who asks", move || http.get("subscribe", &[("expr", "opens_never(x)")]))
    };
    // More than there are threads that serve HTTP.
    let asked: Vec<_> = (0..4).map(|_| endless()).collect();
    let http = node.http().clone();
    let described = crew::spawn("who deploys", move || {
        http.post("components", &[], "application/wasm", &fs::read(looping).expect("it was built"))
    });
    let mut served = 0;
    while !asked.iter().all(crew::Hand::is_finished) {
        let name = format!("y{served}");
        node.create(&name, "value float64", &[]);
        assert_eq!(node.http().publish(&name, &[], "{\"time\":1,\"value\":1}\n").status, 200);
        deploy(&node, aggregates());
        node.status();
        served += 1;
    }
    let took = begun.elapsed();
    assert!(served > 3, "{served} rounds in {took:?}");
    for asked in asked {
        let answer = asked.join();
        assert!(answer.body.contains("longer than the 2s"), "{answer:?}");
    }
    let described = described.join();
    assert!(described.body.contains("longer than the 2s"), "{described:?}");
    assert!(took < DEADLINE, "{took:?}");
}

#[test]
fn limits_of_a_deployment_go_before_the_nodes_and_outlive_it() {
    let _alone = alone();
    let mut node = node("200ms");
    let component = transforms().to_str().expect("it is UTF-8");
    let refused = |arguments: &[&str]| node.dag(&[&["deploy", component], arguments].concat()).code(2).stderr;
    assert!(refused(&["--memory", "0MiB"]).contains("expected 1MiB to 4GiB"));
    assert!(refused(&["--time", "2h"]).contains("expected 10ms to 1h"));
    assert!(refused(&["--output", "64MB"]).contains("such as 256MiB"));
    let over_http = node.http().post("components", &[("memory", "1TiB")], "application/wasm", b"");
    assert_eq!(over_http.status, 400);
    assert!(over_http.body.contains("memory: expected a whole number of B, KiB, MiB or GiB"), "{over_http:?}");

    node.dag(&["deploy", component, "--memory", "24MiB", "--time", "300ms"]).success();
    let limits = serde_json::json!({"memory": "24MiB", "time": "300ms", "output": "1MiB"});
    for _ in 0..2 {
        assert_eq!(deploy(&node, transforms())["limits"], limits);
        node.restart();
    }
    node.create("x", "value float64", &[]);
    let refused = node.dag(&["subscribe", "opens_never(x)"]).code(1);
    assert!(refused.stderr.contains("longer than the 300ms"), "{}", refused.stderr);
}
