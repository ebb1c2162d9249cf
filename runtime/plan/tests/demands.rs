//! The plan by value: facts and demands go in, routes and commands come out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dag_expr::{Application, Catalog, Kind, Parameter, ParameterKind, Signature, Stream, bind};
use dag_model::{Digest, Field, Frontier, IncarnationId, Lookback, Order, Position, Schema, Timestamp, Type};
use dag_plan::{
    Began, Begin, Command, DemandError, Demands, Facts, LeaseId, Limits, LogId, OperatorFacts, SourceFacts, State,
    Until, Want,
};

const SECOND: i64 = 1_000_000_000;

const LIMITS: Limits = Limits { memory: 1 << 20, call: Duration::from_secs(1), output: 1 << 20 };

/// One source `x` with a record each second, sequences equal to seconds, and operators `avg`, `filter` and `delta`.
struct World {
    frontier: RefCell<Frontier>,
    end: RefCell<u64>,
    trimmed: RefCell<u64>,
    ends: RefCell<BTreeMap<IncarnationId, u64>>,
    /// Of the component that is current.
    version: RefCell<u8>,
}

impl World {
    fn at(seconds: i64) -> World {
        World {
            frontier: RefCell::new(Frontier::At(Timestamp(seconds * SECOND))),
            end: RefCell::new(u64::try_from(seconds).unwrap() + 1),
            trimmed: RefCell::new(0),
            ends: RefCell::default(),
            version: RefCell::new(1),
        }
    }

    fn move_to(&self, seconds: i64) {
        *self.frontier.borrow_mut() = Frontier::At(Timestamp(seconds * SECOND));
        *self.end.borrow_mut() = u64::try_from(seconds).unwrap() + 1;
    }

    fn stream(&self, text: &str) -> Stream {
        bind(text, self).unwrap_or_else(|error| panic!("{}", error.render(text)))
    }
}

fn value() -> Schema {
    Schema::new(vec![Field::new("value", Type::Int64)])
}

impl Catalog for World {
    fn source(&self, name: &str) -> Option<Schema> {
        (name == "x").then(value)
    }

    fn errors(&self, _: &str) -> Option<Schema> {
        None
    }

    fn operator(&self, _: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        let (kind, parameters) = match name {
            "avg" => (Kind::Aggregate, Vec::new()),
            "filter" => {
                let condition = Parameter {
                    name: "condition".to_owned(),
                    kind: ParameterKind::Predicate,
                    required: true,
                    positional: true,
                    repeated: false,
                    default: None,
                    doc: String::new(),
                };
                (Kind::Transform, vec![condition])
            }
            "delta" => (Kind::Transform, Vec::new()),
            _ => return None,
        };
        Some(Arc::new(Signature {
            component: "test".to_owned(),
            name: name.to_owned(),
            kind,
            doc: String::new(),
            example: String::new(),
            min_inputs: 1,
            max_inputs: Some(1),
            parameters,
            key: None,
            state_written: 1,
            state_read: vec![1],
        }))
    }

    fn sources(&self) -> Vec<String> {
        vec!["x".to_owned()]
    }

    fn operators(&self) -> Vec<String> {
        ["avg", "filter", "delta"].map(str::to_owned).to_vec()
    }

    fn output(&self, _: &Application) -> Result<Schema, String> {
        Ok(value())
    }
}

impl Facts for World {
    fn resumes(&self, _: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String> {
        Ok(None)
    }

    fn source(&self, name: &str) -> Option<SourceFacts> {
        let trimmed = *self.trimmed.borrow();
        (name == "x").then(|| SourceFacts {
            frontier: *self.frontier.borrow(),
            epoch: 1,
            earliest: trimmed,
            complete_from: match trimmed {
                0 => Timestamp::MIN,
                trimmed => Timestamp(i64::try_from(trimmed).unwrap() * SECOND),
            },
            newest: Some(Timestamp((i64::try_from(*self.end.borrow()).unwrap() - 1) * SECOND)),
        })
    }

    fn seek(&self, log: &LogId, from: Timestamp) -> u64 {
        match log {
            LogId::Source(_) => u64::try_from(from.0.max(0).div_euclid(SECOND)).unwrap(),
            LogId::Derived(_) => 0,
        }
    }

    fn end(&self, log: &LogId) -> u64 {
        match log {
            LogId::Source(_) => *self.end.borrow(),
            LogId::Derived(id) => self.ends.borrow().get(id).copied().unwrap_or(0),
        }
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        let (lookback, order) = match application.operator.as_str() {
            "filter" => (Lookback::None, Order::Log),
            "delta" => (Lookback::Unbounded, Order::Time),
            _ => (Lookback::None, Order::Log),
        };
        Ok(OperatorFacts { digest: Digest([*self.version.borrow(); 32]), lookback, order, limits: LIMITS })
    }

    fn superseded(&self, digest: Digest) -> bool {
        digest != Digest([*self.version.borrow(); 32])
    }
}

fn demand(plan: &mut Demands, world: &World, lease: u64, text: &str, want: Want) -> (dag_plan::Route, Vec<Command>) {
    plan.demand(LeaseId(lease), &world.stream(text), want, world).unwrap()
}

fn id(number: u64) -> IncarnationId {
    IncarnationId(number)
}

#[test]
fn a_source_is_read_without_a_computation() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    let (route, commands) = demand(&mut plan, &world, 1, "x", Want::Newest);
    assert_eq!((commands.len(), route.legs[0].sequence, route.begin), (0, 60, Begin::Sequence));
    assert_eq!(plan.runs().count(), 0);
}

#[test]
fn the_first_demand_starts_a_computation_at_the_last_full_window() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    let (route, commands) = demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(1))]);
    assert_eq!(route.begin, Begin::Newest(Frontier::At(Timestamp(55 * SECOND))));
    let record = &plan.run(id(1)).unwrap().record;
    assert_eq!(record.began, Began::At(Timestamp(50 * SECOND)));
    assert_eq!(record.inputs[0].legs[0].sequence, 50);
    assert_eq!(record.inputs[0].from, Timestamp(50 * SECOND));
}

#[test]
fn needs_add_up_through_nested_inputs() {
    let (mut plan, world) = (Demands::new(5_000), World::at(100));
    let (_, commands) = demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(1)), Command::Start(id(2))]);
    let (inner, outer) = (&plan.run(id(1)).unwrap().record, &plan.run(id(2)).unwrap().record);
    assert_eq!((inner.stream.as_str(), inner.began), ("avg(x,5s)", Began::At(Timestamp(60 * SECOND))));
    assert_eq!((outer.stream.as_str(), outer.began), ("avg(avg(x,5s),30s)", Began::At(Timestamp(60 * SECOND))));
}

#[test]
fn two_spellings_share_a_computation_and_a_second_window_is_another() {
    let (mut plan, world) = (Demands::new(5_000), World::at(900));
    demand(&mut plan, &world, 1, "avg(x, 5min)", Want::Newest);
    let (_, commands) = demand(&mut plan, &world, 2, "avg( x , 300 sec )", Want::Newest);
    assert_eq!(commands, []);
    let (_, commands) = demand(&mut plan, &world, 3, "avg(x, 10s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(2))]);
    assert_eq!(plan.run(id(1)).unwrap().users(), 2);
}

#[test]
fn the_last_subscriber_leaves_a_computation_lingering_and_then_stopped_with_its_inputs() {
    let (mut plan, world) = (Demands::new(5_000), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(plan.release(LeaseId(1), 1_000), []);
    assert_eq!(plan.deadline(), Some(6_000));
    assert_eq!(plan.tick(5_999), []);
    assert_eq!(plan.tick(6_000), [Command::Stop(id(2)), Command::Stop(id(1))]);
    assert!(plan.runs().all(|run| run.state == State::Stored));
}

#[test]
fn demand_while_lingering_returns_to_running() {
    let (mut plan, world) = (Demands::new(5_000), World::at(100));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(LeaseId(1), 0);
    let (_, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, []);
    assert_eq!((plan.run(id(1)).unwrap().state.clone(), plan.deadline()), (State::Running, None));
}

#[test]
fn an_inner_stream_stays_while_anybody_needs_it() {
    let (mut plan, world) = (Demands::new(0), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Next);
    assert_eq!(plan.release(LeaseId(1), 0), [Command::Stop(id(2))]);
    assert_eq!(plan.release(LeaseId(2), 0), [Command::Stop(id(1))]);
}

#[test]
fn earlier_data_comes_from_a_backfill_that_ends_where_the_running_one_begins() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    let (route, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Earliest);
    assert_eq!(commands, [Command::Start(id(2))]);
    let logs: Vec<_> = route.legs.iter().map(|leg| leg.log.clone()).collect();
    assert_eq!(logs, [LogId::Derived(id(2)), LogId::Derived(id(1))]);
    assert_eq!(plan.run(id(2)).unwrap().record.until, Some(Until::Time(Timestamp(50 * SECOND))));
    plan.finished(id(2));
    assert_eq!(plan.run(id(2)).unwrap().state, State::Finished);
}

#[test]
fn what_works_in_log_order_starts_and_is_filled_up_by_sequence() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "filter(x, value > 3)", Want::Newest);
    let record = &plan.run(id(1)).unwrap().record;
    assert_eq!((record.began, record.inputs[0].legs[0].sequence), (Began::Next, 60));
    world.move_to(70);
    demand(&mut plan, &world, 2, "filter(x, value > 3)", Want::Earliest);
    assert_eq!(plan.run(id(2)).unwrap().record.until, Some(Until::Sequence(60)));
}

#[test]
fn what_works_in_log_order_is_never_cut_at_a_time() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "filter(x, value > 3)", Want::From(Timestamp(40 * SECOND)));
    let record = &plan.run(id(1)).unwrap().record;
    let start = &record.inputs[0];
    assert_eq!((record.began, start.from, start.legs[0].sequence), (Began::Next, Timestamp::MIN, 40));
    let (route, commands) = demand(&mut plan, &world, 2, "filter(x, value > 3)", Want::From(Timestamp(50 * SECOND)));
    assert_eq!((route.legs.len(), commands), (1, vec![]), "it has that already");
    let (route, _) = demand(&mut plan, &world, 3, "filter(x, value > 3)", Want::Earliest);
    assert_eq!(route.legs.len(), 2);
    assert_eq!(plan.run(id(2)).unwrap().record.until, Some(Until::Sequence(40)));
}

#[test]
fn unbounded_memory_starts_at_the_earliest_record() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    *world.trimmed.borrow_mut() = 20;
    for (number, text) in [(1, "delta(x)"), (2, "avg(x)"), (3, "avg(x, session=3s)")] {
        demand(&mut plan, &world, number, text, Want::Newest);
        let record = &plan.run(id(number)).unwrap().record;
        assert_eq!(record.inputs[0].legs[0].sequence, 20, "{text}");
    }
}

#[test]
fn asking_for_what_was_trimmed_names_what_is_left() {
    let (mut plan, world) = (Demands::new(5_000), World::at(59));
    *world.trimmed.borrow_mut() = 20;
    let stream = world.stream("avg(x, 15s)");
    let refused = plan.demand(LeaseId(1), &stream, Want::From(Timestamp(0)), &world).unwrap_err();
    let earliest = Timestamp(30 * SECOND);
    assert_eq!(refused, DemandError::TooEarly { stream: "avg(x,15s)".to_owned(), asked: Timestamp(0), earliest });
    assert_eq!(plan.runs().count(), 0);
}

#[test]
fn a_position_of_a_stopped_run_lets_that_run_go_on() {
    let (mut plan, world) = (Demands::new(0), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(LeaseId(1), 0);
    let want = Want::Position(Position { run: 1, sequence: 3 });
    let (route, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", want);
    assert_eq!((commands, route.legs[0].sequence), (vec![Command::Start(id(1))], 3));
    let other = plan.demand(LeaseId(3), &world.stream("avg(x, 6s)"), want, &world).unwrap_err();
    assert!(matches!(other, DemandError::NoSuchPosition { .. }));
}

#[test]
fn readers_of_what_comes_now_get_a_new_run_and_nobody_waits_for_a_gap() {
    let (mut plan, world) = (Demands::new(0), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(LeaseId(1), 0);
    world.move_to(100_000);
    *world.trimmed.borrow_mut() = 60;
    let (_, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(2))]);
}

#[test]
fn a_failure_ends_what_reads_the_run() {
    let (mut plan, world) = (Demands::new(0), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    let (failed, commands) = plan.failed(id(1), "trap");
    assert_eq!(failed, [id(1), id(2)]);
    assert!(commands.contains(&Command::Stop(id(2))));
    assert_eq!(plan.leases(id(2)).collect::<Vec<_>>(), [LeaseId(1)]);
    let (_, commands) = demand(&mut plan, &world, 2, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(commands.len(), 2, "a new demand tries again");
}

/// The runs of a route's legs, and where each begins.
fn legs(route: &dag_plan::Route) -> Vec<(LogId, u64)> {
    route.legs.iter().map(|leg| (leg.log.clone(), leg.sequence)).collect()
}

#[test]
fn a_position_in_a_backfill_goes_on_in_the_run_that_began_where_it_ends() {
    for text in ["avg(x, 5s)", "filter(x, value > 3)"] {
        let (mut plan, world) = (Demands::new(0), World::at(59));
        demand(&mut plan, &world, 1, text, Want::Newest);
        world.move_to(70);
        demand(&mut plan, &world, 2, text, Want::Earliest);
        plan.finished(id(2));
        plan.release(LeaseId(1), 0);
        plan.release(LeaseId(2), 0);
        // Somebody else's run, which has earlier results, too.
        demand(&mut plan, &world, 3, text, Want::Earliest);
        let want = Want::Position(Position { run: 2, sequence: 7 });
        let (route, commands) = demand(&mut plan, &world, 4, text, want);
        assert_eq!(legs(&route), [(LogId::Derived(id(2)), 7), (LogId::Derived(id(1)), 0)], "{text}");
        assert_eq!(commands, [Command::Start(id(1))], "{text}");
    }
}

#[test]
fn where_the_run_after_a_backfill_is_gone_a_new_one_begins_there() {
    for (text, began, sequence) in
        [("avg(x, 5s)", Began::At(Timestamp(50 * SECOND)), 50), ("filter(x, value > 3)", Began::Next, 60)]
    {
        let (mut plan, world) = (Demands::new(0), World::at(59));
        demand(&mut plan, &world, 1, text, Want::Newest);
        demand(&mut plan, &world, 2, text, Want::Earliest);
        plan.finished(id(2));
        plan.release(LeaseId(1), 0);
        plan.release(LeaseId(2), 0);
        assert!(plan.forget(id(1)));
        world.move_to(100);
        let want = Want::Position(Position { run: 2, sequence: 7 });
        let (route, commands) = demand(&mut plan, &world, 3, text, want);
        assert_eq!(legs(&route), [(LogId::Derived(id(2)), 7), (LogId::Derived(id(3)), 0)], "{text}");
        assert_eq!(commands, [Command::Start(id(3))], "{text}");
        let record = &plan.run(id(3)).unwrap().record;
        assert_eq!((record.began, record.inputs[0].legs[0].sequence), (began, sequence), "{text}");

        plan.release(LeaseId(3), 0);
        assert!(plan.forget(id(3)));
        *world.trimmed.borrow_mut() = 80;
        let refused = plan.demand(LeaseId(4), &world.stream(text), want, &world).unwrap_err();
        assert!(matches!(refused, DemandError::Gone { .. }), "{text}: {refused:?}");
        assert!(plan.runs().all(|run| !run.is_live()), "{text}");
    }
}

#[test]
fn the_numbers_of_runs_that_are_gone_are_not_used_again() {
    let (mut plan, world) = (Demands::new(0), World::at(59));
    plan.skip(id(7));
    let (_, commands) = demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(8))]);
}

#[test]
fn what_an_earlier_version_left_is_read_on_by_position_only() {
    let (mut plan, world) = (Demands::new(0), World::at(59));
    let (route, _) = demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)));
    plan.release(LeaseId(1), 0);
    plan.tick(1);
    let (route, _) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)), "it goes on");
    plan.finished(id(1));
    plan.release(LeaseId(2), 2);
    let (route, _) = demand(&mut plan, &world, 3, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)), "it has everything");
    plan.release(LeaseId(3), 3);

    *world.version.borrow_mut() = 2;
    let position = Want::Position(Position { run: 1, sequence: 3 });
    let (route, _) = demand(&mut plan, &world, 4, "avg(x, 5s)", position);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)));
    let (route, commands) = demand(&mut plan, &world, 5, "avg(x, 5s)", Want::Earliest);
    assert_eq!((route.legs[0].log.clone(), commands), (LogId::Derived(id(2)), vec![Command::Start(id(2))]));
    assert_eq!(plan.run(id(2)).unwrap().record.ran[0].digest, Digest([2; 32]));
}

#[test]
fn of_the_runs_of_a_stream_that_nobody_uses_the_oldest_are_surplus() {
    let (mut plan, world) = (Demands::new(0), World::at(59));
    for number in 1..=4 {
        demand(&mut plan, &world, number, "filter(x, value > 3)", Want::Next);
        if number < 4 {
            plan.release(LeaseId(number), 0);
        }
    }
    demand(&mut plan, &world, 5, "avg(x, 5s)", Want::Newest);
    plan.release(LeaseId(5), 0);
    assert_eq!(plan.surplus(2), [id(1)], "of three, for the fourth runs");
    assert_eq!(plan.surplus(0).len(), 4);
}
