//! What demands lead to, by value: facts and demands go in, routes and proposals come out.

mod kit;

use dag_model::{Digest, Frontier, IncarnationId, Position, Timestamp};
use dag_plan::decide::surplus;
use dag_plan::{Began, Begin, Change, DemandError, Life, LogId, Proposal, Route, Until, Want};
use kit::{Alone, Command, SECOND, World};

fn demand(plan: &mut Alone, world: &World, lease: u64, text: &str, want: Want) -> (Route, Vec<Command>) {
    plan.demand(lease, &world.stream(text), want, world).unwrap()
}

fn id(number: u64) -> IncarnationId {
    IncarnationId(number)
}

#[test]
fn a_source_is_read_without_a_computation() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    let (route, commands) = demand(&mut plan, &world, 1, "x", Want::Newest);
    assert_eq!((commands.len(), route.legs[0].sequence, route.begin), (0, 60, Begin::Sequence));
    assert_eq!(plan.lives().len(), 0);
}

#[test]
fn the_first_demand_starts_a_computation_at_the_last_full_window() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    let (route, commands) = demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(1))]);
    assert_eq!(route.begin, Begin::Newest(Frontier::At(Timestamp(55 * SECOND))));
    let record = &plan.course(id(1)).record;
    assert_eq!(record.began, Began::At(Timestamp(50 * SECOND)));
    assert_eq!(record.inputs[0].legs[0].sequence, 50);
    assert_eq!(record.inputs[0].from, Timestamp(50 * SECOND));
}

#[test]
fn needs_add_up_through_nested_inputs() {
    let (mut plan, world) = (Alone::new(5_000), World::at(100));
    let (_, commands) = demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(1)), Command::Start(id(2))]);
    let (inner, outer) = (&plan.course(id(1)).record, &plan.course(id(2)).record);
    assert_eq!((inner.stream.as_str(), inner.began), ("avg(x,5s)", Began::At(Timestamp(60 * SECOND))));
    assert_eq!((outer.stream.as_str(), outer.began), ("avg(avg(x,5s),30s)", Began::At(Timestamp(60 * SECOND))));
}

#[test]
fn two_spellings_share_a_computation_and_a_second_window_is_another() {
    let (mut plan, world) = (Alone::new(5_000), World::at(900));
    demand(&mut plan, &world, 1, "avg(x, 5min)", Want::Newest);
    let (_, commands) = demand(&mut plan, &world, 2, "avg( x , 300 sec )", Want::Newest);
    assert_eq!(commands, []);
    let (_, commands) = demand(&mut plan, &world, 3, "avg(x, 10s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(2))]);
    assert_eq!(plan.plan.live().count(), 2);
}

#[test]
fn the_last_subscriber_leaves_a_computation_lingering_and_then_stopped_with_its_inputs() {
    let (mut plan, world) = (Alone::new(5_000), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(plan.release(1, 1_000), []);
    assert_eq!(plan.deadline(), Some(6_000));
    assert_eq!(plan.tick(5_999), []);
    assert_eq!(plan.tick(6_000), [Command::Stop(id(2)), Command::Stop(id(1))]);
    assert_eq!(plan.lives(), [Life::Stored, Life::Stored]);
}

#[test]
fn demand_while_lingering_returns_to_running() {
    let (mut plan, world) = (Alone::new(5_000), World::at(100));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(1, 0);
    let (_, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, []);
    assert_eq!((plan.course(id(1)).is_live(), plan.deadline()), (true, None));
}

#[test]
fn an_inner_stream_stays_while_anybody_needs_it() {
    let (mut plan, world) = (Alone::new(0), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Next);
    assert_eq!(plan.release(1, 0), [Command::Stop(id(2))]);
    assert_eq!(plan.release(2, 0), [Command::Stop(id(1))]);
}

#[test]
fn earlier_data_comes_from_a_backfill_that_ends_where_the_running_one_begins() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    let (route, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Earliest);
    assert_eq!(commands, [Command::Start(id(2))]);
    let logs: Vec<_> = route.legs.iter().map(|leg| leg.log).collect();
    assert_eq!(logs, [LogId::Derived(id(2)), LogId::Derived(id(1))]);
    assert_eq!(plan.course(id(2)).record.until, Some(Until::Time(Timestamp(50 * SECOND))));
    plan.finished(id(2));
    assert_eq!(plan.course(id(2)).life, Life::Finished);
}

#[test]
fn what_works_in_log_order_starts_and_is_filled_up_by_sequence() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "filter(x, value > 3)", Want::Newest);
    let record = &plan.course(id(1)).record;
    assert_eq!((record.began, record.inputs[0].legs[0].sequence), (Began::Next, 60));
    world.move_to(70);
    demand(&mut plan, &world, 2, "filter(x, value > 3)", Want::Earliest);
    assert_eq!(plan.course(id(2)).record.until, Some(Until::Sequence(60)));
}

#[test]
fn what_works_in_log_order_is_never_cut_at_a_time() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    demand(&mut plan, &world, 1, "filter(x, value > 3)", Want::From(Timestamp(40 * SECOND)));
    let record = &plan.course(id(1)).record;
    let start = &record.inputs[0];
    assert_eq!((record.began, start.from, start.legs[0].sequence), (Began::Next, Timestamp::MIN, 40));
    let (route, commands) = demand(&mut plan, &world, 2, "filter(x, value > 3)", Want::From(Timestamp(50 * SECOND)));
    assert_eq!((route.legs.len(), commands), (1, vec![]), "it has that already");
    let (route, _) = demand(&mut plan, &world, 3, "filter(x, value > 3)", Want::Earliest);
    assert_eq!(route.legs.len(), 2);
    assert_eq!(plan.course(id(2)).record.until, Some(Until::Sequence(40)));
}

#[test]
fn unbounded_memory_starts_at_the_earliest_record() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    *world.trimmed.borrow_mut() = 20;
    for (number, text) in [(1, "delta(x)"), (2, "avg(x)"), (3, "avg(x, session=3s)")] {
        demand(&mut plan, &world, number, text, Want::Newest);
        let record = &plan.course(id(number)).record;
        assert_eq!(record.inputs[0].legs[0].sequence, 20, "{text}");
    }
}

#[test]
fn asking_for_what_was_trimmed_names_what_is_left() {
    let (mut plan, world) = (Alone::new(5_000), World::at(59));
    *world.trimmed.borrow_mut() = 20;
    let stream = world.stream("avg(x, 15s)");
    let refused = plan.demand(1, &stream, Want::From(Timestamp(0)), &world).unwrap_err();
    let earliest = Timestamp(30 * SECOND);
    assert_eq!(refused, DemandError::TooEarly { stream: "avg(x,15s)".to_owned(), asked: Timestamp(0), earliest });
    assert_eq!(plan.lives().len(), 0);
}

#[test]
fn a_position_of_a_stopped_run_lets_that_run_go_on() {
    let (mut plan, world) = (Alone::new(0), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(1, 0);
    let want = Want::Position(Position { run: 1, sequence: 3 });
    let (route, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", want);
    assert_eq!((commands, route.legs[0].sequence), (vec![Command::Start(id(1))], 3));
    let other = plan.demand(3, &world.stream("avg(x, 6s)"), want, &world).unwrap_err();
    assert!(matches!(other, DemandError::NoSuchPosition { .. }));
}

#[test]
fn readers_of_what_comes_now_get_a_new_run_and_nobody_waits_for_a_gap() {
    let (mut plan, world) = (Alone::new(0), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(1, 0);
    world.move_to(100_000);
    *world.trimmed.borrow_mut() = 60;
    let (_, commands) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Newest);
    assert_eq!(commands, [Command::Start(id(2))]);
}

#[test]
fn a_failure_ends_what_reads_the_run() {
    let (mut plan, world) = (Alone::new(0), World::at(100));
    demand(&mut plan, &world, 1, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(plan.failed(id(1), "trap"), [Command::Stop(id(2)), Command::Stop(id(1))]);
    let (_, commands) = demand(&mut plan, &world, 2, "avg(avg(x, 5s), 30s)", Want::Newest);
    assert_eq!(commands.len(), 2, "a new demand tries again");
}

/// The runs of a route's legs, and where each begins.
fn legs(route: &Route) -> Vec<(LogId, u64)> {
    route.legs.iter().map(|leg| (leg.log, leg.sequence)).collect()
}

#[test]
fn a_position_in_a_backfill_goes_on_in_the_run_that_began_where_it_ends() {
    for text in ["avg(x, 5s)", "filter(x, value > 3)"] {
        let (mut plan, world) = (Alone::new(0), World::at(59));
        demand(&mut plan, &world, 1, text, Want::Newest);
        world.move_to(70);
        demand(&mut plan, &world, 2, text, Want::Earliest);
        plan.finished(id(2));
        plan.release(1, 0);
        plan.release(2, 0);
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
        let (mut plan, world) = (Alone::new(0), World::at(59));
        demand(&mut plan, &world, 1, text, Want::Newest);
        demand(&mut plan, &world, 2, text, Want::Earliest);
        plan.finished(id(2));
        plan.release(1, 0);
        plan.release(2, 0);
        plan.forget(id(1));
        world.move_to(100);
        let want = Want::Position(Position { run: 2, sequence: 7 });
        let (route, commands) = demand(&mut plan, &world, 3, text, want);
        assert_eq!(legs(&route), [(LogId::Derived(id(2)), 7), (LogId::Derived(id(3)), 0)], "{text}");
        assert_eq!(commands, [Command::Start(id(3))], "{text}");
        let record = &plan.course(id(3)).record;
        assert_eq!((record.began, record.inputs[0].legs[0].sequence), (began, sequence), "{text}");

        plan.release(3, 0);
        plan.forget(id(3));
        *world.trimmed.borrow_mut() = 80;
        let refused = plan.demand(4, &world.stream(text), want, &world).unwrap_err();
        assert!(matches!(refused, DemandError::Gone { .. }), "{text}: {refused:?}");
        assert_eq!(plan.plan.live().count(), 0, "{text}");
    }
}

#[test]
fn of_the_runs_of_a_stream_that_nobody_uses_the_oldest_are_surplus() {
    let (mut plan, world) = (Alone::new(0), World::at(59));
    for lease in 1..=4 {
        demand(&mut plan, &world, lease, "avg(x, 5s)", Want::Newest);
        plan.release(lease, 0);
        world.move_to(59 + 100 * i64::try_from(lease).unwrap());
        *world.trimmed.borrow_mut() = 100 * lease;
    }
    demand(&mut plan, &world, 5, "avg(x, 6s)", Want::Newest);
    plan.release(5, 0);
    assert_eq!(surplus(&plan.plan, 2), [id(2), id(1)]);
    let again = Want::Position(Position { run: 1, sequence: 0 });
    *world.trimmed.borrow_mut() = 0;
    demand(&mut plan, &world, 6, "avg(x, 5s)", again);
    assert_eq!(surplus(&plan.plan, 2), [id(2)], "what runs is not");
}

#[test]
fn a_position_of_a_run_that_has_read_what_is_lost_is_refused_with_what_that_was() {
    let (mut plan, world) = (Alone::new(0), World::at(59));
    demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Newest);
    plan.release(1, 0);
    plan.propose(&Proposal::of([Change::Lose { incarnation: id(1), why: "gone".to_owned() }]));
    let want = Want::Position(Position { run: 1, sequence: 3 });
    let refused = plan.demand(2, &world.stream("avg(x, 5s)"), want, &world).unwrap_err();
    assert!(matches!(&refused, DemandError::Lost { why, .. } if why == "gone"), "{refused:?}");
    let (_, commands) = demand(&mut plan, &world, 3, "avg(x, 5s)", Want::Earliest);
    assert_eq!(commands, [Command::Start(id(2))], "what is wanted from the beginning begins anew");
}

#[test]
fn what_an_earlier_version_left_is_read_on_by_position_only() {
    let (mut plan, world) = (Alone::new(0), World::at(59));
    let (route, _) = demand(&mut plan, &world, 1, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)));
    plan.release(1, 0);
    plan.tick(1);
    let (route, _) = demand(&mut plan, &world, 2, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)), "it goes on");
    plan.finished(id(1));
    plan.release(2, 2);
    let (route, _) = demand(&mut plan, &world, 3, "avg(x, 5s)", Want::Earliest);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)), "it has everything");
    plan.release(3, 3);

    *world.version.borrow_mut() = 2;
    plan.deploy(2);
    let position = Want::Position(Position { run: 1, sequence: 3 });
    let (route, _) = demand(&mut plan, &world, 4, "avg(x, 5s)", position);
    assert_eq!(route.legs[0].log, LogId::Derived(id(1)));
    let (route, commands) = demand(&mut plan, &world, 5, "avg(x, 5s)", Want::Earliest);
    assert_eq!((route.legs[0].log, commands), (LogId::Derived(id(2)), vec![Command::Start(id(2))]));
    assert_eq!(plan.course(id(2)).record.ran[0].digest, Digest([2; 32]));
}
