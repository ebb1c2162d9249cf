//! Two dashboards want the same average, and leave again: what a node has to run, at each step.
//!
//!     cargo run -p dag-plan --example linger
//!
//! Nothing here starts or stops anything. Whoever wants something proposes a change of the plan, `apply` takes it in or refuses it, and `wanted`
//! says what follows for a node. A node compares that with what it runs.

use std::time::Duration;

use dag_model::{Digest, IncarnationId, NodeId, StreamId, Timestamp};
use dag_plan::{
    Began, Change, Draft, Given, InputStart, Leg, Life, Limits, LogId, Origin, Plan, Proposal, Which, apply, wanted,
};

const NODE: NodeId = NodeId(1);
/// Which start of the node this is: what an earlier one held is held by nobody.
const BOOT: u64 = 1;

fn main() {
    let mut plan = Plan::default();
    let create = Change::Create { name: "cpu_util".to_owned(), origin: Origin::Published, settings: "{}".to_owned() };
    let made = Change::Made { stream: StreamId(1) };
    change(
        &mut plan,
        "a node starts, and somebody creates cpu_util",
        [Change::Up { node: NODE, boot: BOOT }, create, made],
    );

    // What begins has no number before the plan gives it one: in the same proposal it is the first that is new.
    let began = [Change::Begin(average()), hold(Which::New(0), 1, true)];
    let given = change(&mut plan, "a dashboard subscribes to avg(cpu_util, 5min)", began);
    let Given::Incarnation(average) = given[0] else { panic!("what begins is given a number") };

    // The node counts its own subscriptions: the plan hears of the first that comes and of the last that goes.
    change(&mut plan, "a second dashboard wants avg(cpu_util, 300 sec): nothing is to change", []);
    change(&mut plan, "both have left", [hold(Which::There(average), 2, false)]);
    let idle = idle_since(&plan, average);
    assert_eq!(wanted(&plan, NODE, BOOT).count(), 1, "it lingers");

    change(&mut plan, "nobody has come back in time", [Change::Elapsed { incarnation: average, idle }]);
    assert_eq!(wanted(&plan, NODE, BOOT).count(), 0);
    assert_eq!(plan.incarnation(average).map(|course| &course.life), Some(&Life::Stored), "what was computed stays");
}

/// Proposes, and shows what the node has to run then.
fn change<const N: usize>(plan: &mut Plan, what: &str, changes: [Change; N]) -> Vec<Given> {
    let applied = apply(plan, &Proposal::of(changes)).expect("it fits the plan as it is");
    let wanted: Vec<String> = wanted(plan, NODE, BOOT)
        .map(|(id, course)| format!("{} as incarnation {id}, {:?}", course.record.stream, course.life))
        .collect();
    println!("{what}\n    wanted: {}", if wanted.is_empty() { "nothing".to_owned() } else { wanted.join("; ") });
    applied.given
}

fn average() -> Draft {
    let leg = Leg { log: LogId::Source(StreamId(1)), sequence: 0 };
    Draft {
        stream: "avg(cpu_util,5m)".to_owned(),
        digest: Digest([1; 32]),
        inputs: vec![InputStart { legs: vec![leg], from: Timestamp(0), late: false }],
        began: Began::At(Timestamp(0)),
        until: None,
        shards: 1,
        windowing: 2,
        limits: Limits { memory: 1 << 28, call: Duration::from_secs(10), output: 1 << 26 },
    }
}

fn hold(incarnation: Which, number: u64, held: bool) -> Change {
    Change::Hold { incarnation, node: NODE, boot: BOOT, number, held }
}

fn idle_since(plan: &Plan, id: IncarnationId) -> dag_plan::Revision {
    match plan.incarnation(id).map(|course| &course.life) {
        Some(Life::Live { idle: Some(since) }) => *since,
        life => panic!("nobody holds it: {life:?}"),
    }
}
