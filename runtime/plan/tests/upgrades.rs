//! What moves when an operator gets another version, by value.

use std::sync::Arc;
use std::time::Duration;

use dag_expr::{Application, Catalog, Kind, Parameter, ParameterKind, Signature, Stream, bind};
use dag_model::{Digest, Field, Frontier, IncarnationId, Lookback, Order, Position, Schema, StreamId, Timestamp, Type};
use dag_plan::upgrade::{Next, Refusal, Running, Way, decide, succession};
use dag_plan::{
    Change, Facts, Limits, LogId, OperatorFacts, Origin, Plan, Proposal, SourceFacts, Want, apply, decide as deciding,
};

const SECOND: i64 = 1_000_000_000;

/// One source `x` with a record each second up to 99, sequences equal to seconds, and a version of the operators `rms` and `delta`.
#[derive(Clone)]
struct World {
    trimmed: u64,
    result: Type,
    order: Order,
    signatures: Vec<Signature>,
}

fn signature(kind: Kind, name: &str) -> Signature {
    Signature {
        component: "electric".to_owned(),
        name: name.to_owned(),
        kind,
        doc: String::new(),
        example: String::new(),
        min_inputs: 1,
        max_inputs: Some(1),
        parameters: Vec::new(),
        key: None,
        state_written: 1,
        state_read: vec![1],
    }
}

impl World {
    fn new() -> World {
        let signatures = vec![signature(Kind::Aggregate, "rms"), signature(Kind::Transform, "delta")];
        World { trimmed: 0, result: Type::Float64, order: Order::Time, signatures }
    }

    /// A version that reads only the state that it writes.
    fn with_another_state() -> World {
        let mut world = World::new();
        for signature in &mut world.signatures {
            (signature.state_written, signature.state_read) = (2, vec![2]);
        }
        world
    }

    /// A computation of this version that runs since `newest` and has got to second 90.
    fn running(&self, text: &str, next: &World) -> Running {
        let stream = bind(text, self).unwrap();
        let mut plan = plan();
        let decision = deciding::demand(&plan, &stream, Want::Newest, self).unwrap();
        apply(&mut plan, &decision.proposal).unwrap();
        let record = plan.incarnation(IncarnationId(1)).unwrap().record.clone();
        let Stream::Apply(application) = &stream else { panic!("{text} is derived") };
        let signature =
            |world: &World| Catalog::operator(world, None, &application.operator).map(|signature| (*signature).clone());
        Running {
            record,
            signature: signature(self).unwrap(),
            order: self.order,
            application: (**application).clone(),
            reached: Frontier::At(Timestamp(90 * SECOND)),
            next: match (signature(next), bind(&stream.to_string(), next)) {
                (None, _) => Next::Dropped,
                (_, Err(error)) => Next::Refused(error.to_string()),
                (Some(signature), Ok(stream)) => Next::Bound { stream, signature: Box::new(signature) },
            },
        }
    }
}

impl Catalog for World {
    fn source(&self, name: &str) -> Option<Schema> {
        (name == "x").then(|| Schema::new(vec![Field::new("value", Type::Float64)]))
    }

    fn errors(&self, _: &str) -> Option<Schema> {
        None
    }

    fn operator(&self, _: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        self.signatures.iter().find(|signature| signature.name == name).cloned().map(Arc::new)
    }

    fn sources(&self) -> Vec<String> {
        vec!["x".to_owned()]
    }

    fn operators(&self) -> Vec<String> {
        Vec::new()
    }

    fn output(&self, _: &Application) -> Result<Schema, String> {
        Ok(Schema::new(vec![Field::new("value", self.result)]))
    }
}

impl Facts for World {
    fn resumes(&self, _: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String> {
        Ok(None)
    }

    fn source(&self, name: &str) -> Option<SourceFacts> {
        let trimmed = Timestamp(i64::try_from(self.trimmed).unwrap() * SECOND);
        (name == "x").then_some(SourceFacts {
            frontier: Frontier::At(Timestamp(99 * SECOND)),
            epoch: 1,
            earliest: self.trimmed,
            complete_from: if self.trimmed == 0 { Timestamp::MIN } else { trimmed },
            newest: Some(Timestamp(99 * SECOND)),
        })
    }

    fn seek(&self, _: &LogId, from: Timestamp) -> u64 {
        u64::try_from(from.0.max(0) / SECOND).unwrap().max(self.trimmed)
    }

    fn end(&self, _: &LogId) -> u64 {
        100
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        let lookback = if application.operator == "delta" { Lookback::Unbounded } else { Lookback::None };
        let limits = Limits { memory: 1 << 20, call: Duration::from_secs(1), output: 1 << 20 };
        Ok(OperatorFacts { digest: Digest([7; 32]), lookback, order: self.order, limits })
    }
}

/// A plan with the source `x`.
fn plan() -> Plan {
    let mut plan = Plan::default();
    let create = Change::Create { name: "x".to_owned(), origin: Origin::Published, settings: String::new() };
    apply(&mut plan, &Proposal::of([create, Change::Made { stream: StreamId(1) }])).unwrap();
    plan
}

fn way(text: &str, next: &World) -> Result<Way, Refusal> {
    Ok(decide(&plan(), &World::new().running(text, next), next)?.way)
}

fn refused(text: &str, next: &World) -> Refusal {
    way(text, next).expect_err("it must be refused")
}

/// Where the only input's replay begins: its time in seconds and its sequence.
fn replayed(way: &Way) -> (Timestamp, u64) {
    match way {
        Way::Replay(starts) => (starts[0].from, starts[0].legs[0].sequence),
        Way::State => panic!("expected a replay"),
    }
}

#[test]
fn a_computation_moves_with_its_state_where_the_next_version_reads_it() {
    assert_eq!(way("rms(x, 5s)", &World::new()), Ok(Way::State));
    let mut both = World::with_another_state();
    both.signatures[0].state_read = vec![1, 2];
    assert_eq!(way("rms(x, 5s)", &both), Ok(Way::State));
    let mut trimmed = both;
    trimmed.trimmed = 99;
    assert_eq!(way("rms(x, 5s)", &trimmed), Ok(Way::State), "a state needs no input");
}

#[test]
fn a_replay_begins_where_the_open_windows_do() {
    let next = World::with_another_state();
    let way = way("rms(x, 5s)", &next).unwrap();
    assert_eq!(replayed(&way), (Timestamp(90 * SECOND), 90));
    let hopping = decide(&plan(), &World::new().running("rms(x, 30s, every=10s)", &next), &next).unwrap().way;
    assert_eq!(replayed(&hopping), (Timestamp(90 * SECOND), 90), "the window that is due next begins there");
}

#[test]
fn what_remembers_without_bound_is_replayed_from_its_own_start() {
    let next = World::with_another_state();
    let mut trimmed = World::new();
    trimmed.trimmed = 7;
    let running = trimmed.running("delta(x)", &next);
    let way = decide(&plan(), &running, &next).unwrap().way;
    assert_eq!(replayed(&way).1, 7, "it began with the earliest record there was");
}

#[test]
fn what_reads_neither_the_state_nor_finds_the_input_is_refused_with_what_is_missing() {
    let mut next = World::with_another_state();
    next.trimmed = 50;
    let stuck = refused("delta(x)", &next);
    let at = |sequence| Position { run: 1, sequence };
    let Refusal::Stuck { ref stream, id, written, ref read, wanted, ref input, earliest } = stuck else {
        panic!("{stuck}")
    };
    assert_eq!((stream.as_str(), id, written, read.as_slice()), ("delta(x)", IncarnationId(1), 1, [2].as_slice()));
    assert_eq!((wanted, input.as_str(), earliest), (at(0), "x", at(50)));
    assert!(stuck.to_string().contains("takes `x` from 1:0 on: its earliest record is 1:50"), "{stuck}");
    assert!(way("rms(x, 5s)", &next).is_ok(), "its open window lies behind what is gone");
    next.trimmed = 92;
    assert!(matches!(refused("rms(x, 5s)", &next), Refusal::Stuck { .. }), "its open window does not");
}

#[test]
fn an_operator_in_use_cannot_go_and_one_that_is_not_can() {
    let mut next = World::new();
    next.signatures.remove(1);
    let dropped = Refusal::Dropped { operator: "delta".to_owned(), stream: "delta(x)".to_owned() };
    assert_eq!(refused("delta(x)", &next), dropped);
    assert_eq!(way("rms(x)", &next), Ok(Way::State));
    assert_eq!(succession(&World::new().signatures, &next.signatures), Ok(()));
}

#[test]
fn a_changed_parameter_is_refused_also_where_nothing_runs() {
    let window = |default: &str| Parameter {
        name: "gap".to_owned(),
        kind: ParameterKind::Duration,
        required: false,
        positional: false,
        repeated: false,
        default: Some(default.to_owned()),
        doc: String::new(),
    };
    let (mut before, mut after) = (World::new(), World::new());
    before.signatures[1].parameters.push(window("1m"));
    after.signatures[1].parameters.push(window("2m"));
    let refused = succession(&before.signatures, &after.signatures).unwrap_err();
    let how = "lets `gap` default to 2m, not 1m".to_owned();
    assert_eq!(refused, Refusal::Changed { operator: "delta".to_owned(), how });
}

#[test]
fn other_columns_another_order_and_a_refusal_stand_against_it() {
    let with = |change: fn(&mut World)| {
        let mut next = World::new();
        change(&mut next);
        refused("delta(x)", &next)
    };
    let schema = with(|next| next.result = Type::Int64);
    assert!(schema.to_string().contains("columns (value float64), and would have (value int64)"), "{schema}");
    assert!(matches!(with(|next| next.order = Order::Log), Refusal::Order { .. }));
    let refused = with(|next| next.signatures[1].min_inputs = 2);
    assert!(matches!(refused, Refusal::Refused { .. }), "{refused}");
}

#[test]
fn a_new_parameter_with_the_name_of_a_column_in_use_stands_against_it() {
    let condition = Parameter {
        name: "condition".to_owned(),
        kind: ParameterKind::Predicate,
        required: false,
        positional: true,
        repeated: false,
        default: None,
        doc: String::new(),
    };
    let mut before = World::new();
    before.signatures[1].parameters.push(condition.clone());
    let mut next = before.clone();
    let named = Parameter { name: "value".to_owned(), kind: ParameterKind::Number, positional: false, ..condition };
    next.signatures[1].parameters.push(named);
    assert_eq!(succession(&before.signatures, &next.signatures), Ok(()));
    let running = before.running("delta(x, (value = 1))", &next);
    let refused = decide(&plan(), &running, &next).unwrap_err();
    assert!(matches!(&refused, Refusal::Meaning { .. }), "{refused}");
}
