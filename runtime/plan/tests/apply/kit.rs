//! Plans, and changes of them, in few words.

use std::time::Duration;

use dag_model::{Digest, IncarnationId, NodeId, Position, StreamId, Timestamp};
use dag_plan::{
    Applied, Began, Change, Draft, DraftLog, Given, InputStart, Leg, Life, Limits, LogId, Origin, Place, Plan,
    Proposal, Refusal, Revision, Which, apply,
};

pub const NODE: NodeId = NodeId(1);
pub const LIMITS: Limits = Limits { memory: 1 << 20, call: Duration::from_secs(1), output: 1 << 20 };

/// A plan with a node and a source `x` of number 1.
pub fn plan() -> Plan {
    let mut plan = Plan::default();
    done(&mut plan, [Change::Up { node: NODE, boot: 1 }]);
    assert_eq!(done(&mut plan, [create("x")]).given, [Given::Stream(StreamId(1))]);
    done(&mut plan, [Change::Made { stream: StreamId(1) }]);
    plan
}

pub fn create(name: &str) -> Change {
    Change::Create { name: name.to_owned(), origin: Origin::Published, settings: "{}".to_owned() }
}

/// Applies what has to apply.
#[track_caller]
pub fn done(plan: &mut Plan, changes: impl IntoIterator<Item = Change>) -> Applied {
    apply(plan, &Proposal::of(changes)).unwrap()
}

/// Why something does not apply; the plan is as it was.
#[track_caller]
pub fn refused(plan: &mut Plan, proposal: &Proposal) -> Refusal {
    let before = bytes(plan);
    let refusal = apply(plan, proposal).unwrap_err();
    assert_eq!(bytes(plan), before, "it is as it was");
    refusal
}

pub fn bytes(plan: &Plan) -> Vec<u8> {
    plan.snapshot().flatten().collect()
}

pub fn id(number: u64) -> IncarnationId {
    IncarnationId(number)
}

pub fn at(run: u64, sequence: u64) -> Position {
    Position { run, sequence }
}

pub fn place(run: u64, sequence: u64) -> Place {
    Place { legs: vec![at(run, sequence)], from: Timestamp::MIN, newest: None }
}

/// The log of source number 1.
pub const X: DraftLog = LogId::Source(StreamId(1));

pub fn there(number: u64) -> DraftLog {
    LogId::Derived(Which::There(id(number)))
}

pub fn new(place: u32) -> DraftLog {
    LogId::Derived(Which::New(place))
}

/// A computation of that name begins, which reads these logs as inputs of their own.
pub fn begin(stream: &str, logs: &[DraftLog]) -> Change {
    let input =
        |log: &DraftLog| InputStart { legs: vec![Leg { log: *log, sequence: 7 }], from: Timestamp(70), late: false };
    Change::Begin(Draft {
        stream: stream.to_owned(),
        digest: Digest([1; 32]),
        inputs: logs.iter().map(input).collect(),
        began: Began::At(Timestamp(70)),
        until: None,
        shards: 1,
        windowing: 2,
        limits: LIMITS,
    })
}

/// That version is to take over these incarnations.
pub fn turn(version: u8, least: u64, moves: &[u64]) -> Change {
    let moves = moves.iter().map(|number| (id(*number), true)).collect();
    Change::Turn { to: Digest([version; 32]), least: Revision(least), moves }
}

pub fn hold_new(place: u32, number: u64) -> Change {
    Change::Hold { incarnation: Which::New(place), node: NODE, boot: 1, number, held: true }
}

pub fn hold(incarnation: u64, number: u64, held: bool) -> Change {
    Change::Hold { incarnation: Which::There(id(incarnation)), node: NODE, boot: 1, number, held }
}

/// A computation, held, of number 1; and another one, of number 2, that reads it and is held, too, in place of the first.
pub fn nested() -> Plan {
    let mut plan = plan();
    done(&mut plan, [begin("a(x)", &[X]), begin("b(a(x))", &[new(0)]), hold_new(1, 1)]);
    plan
}

pub fn life(plan: &Plan, number: u64) -> Life {
    plan.incarnation(id(number)).expect("it is there").life.clone()
}

pub const LIVE: Life = Life::Live { idle: None };
