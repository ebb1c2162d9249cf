//! Laws that hold whatever is proposed: the same changes give the same bytes; a snapshot and what follows give all; what a proposal
//! touches is all that is to be looked at; a crash anywhere between a change and its effect is repaired by the next comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dag_model::{Digest, IncarnationId, NodeId, Position, StreamId, Timestamp};
use dag_plan::{
    Applied, Began, Change, Draft, DraftLog, Ending, Entity, How, InputStart, Leg, Limits, LogId, Named, Origin, Place,
    Plan, Proposal, Ran, Refusal, Revision, Scopes, Skipped, Until, Use, Which, apply, wanted, wanted_of,
};
use proptest::prelude::*;

const NODE: NodeId = NodeId(1);

fn bytes(plan: &Plan) -> Vec<u8> {
    plan.snapshot().flatten().collect()
}

/// Small numbers, so that changes meet.
fn id() -> impl Strategy<Value = IncarnationId> {
    (1..12_u64).prop_map(IncarnationId)
}

fn stream() -> impl Strategy<Value = StreamId> {
    (1..4_u64).prop_map(StreamId)
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn digest() -> impl Strategy<Value = Digest> {
    (0..3_u8).prop_map(|number| Digest([number; 32]))
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![2 => id().prop_map(Which::There), 1 => (0..3_u32).prop_map(Which::New)]
}

fn draft_log() -> impl Strategy<Value = DraftLog> {
    prop_oneof![stream().prop_map(LogId::Source), which().prop_map(LogId::Derived)]
}

fn position() -> impl Strategy<Value = Position> {
    (1..4_u64, 0..9_u64).prop_map(|(run, sequence)| Position { run, sequence })
}

fn place() -> impl Strategy<Value = Place> {
    prop::collection::vec(position(), 0..3).prop_map(|legs| Place { legs, from: Timestamp::MIN, newest: None })
}

fn at() -> impl Strategy<Value = Timestamp> {
    (0..9_000_000_i64).prop_map(Timestamp)
}

fn input() -> impl Strategy<Value = InputStart<DraftLog>> {
    let legs = prop::collection::vec((draft_log(), 0..9_u64).prop_map(|(log, sequence)| Leg { log, sequence }), 0..3);
    (legs, any::<bool>()).prop_map(|(legs, late)| InputStart { legs, from: Timestamp(3), late })
}

fn draft() -> impl Strategy<Value = Draft> {
    let until = prop::option::of((0..9_u64).prop_map(Until::Sequence));
    (name(), digest(), prop::collection::vec(input(), 0..3), until).prop_map(|(stream, digest, inputs, until)| Draft {
        stream,
        digest,
        inputs,
        began: Began::Next,
        until,
        shards: 1,
        windowing: 2,
        limits: Limits { memory: 1, call: Duration::from_secs(1), output: 1 },
    })
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Finished),
        name().prop_map(Ending::Failed),
        name().prop_map(Ending::Quarantined),
        Just(Ending::NeverBegun),
    ]
}

fn of_incarnations() -> impl Strategy<Value = Change> {
    let hold = |(incarnation, boot, number, held)| Change::Hold { incarnation, node: NODE, boot, number, held };
    let record = || {
        (stream(), 0..9_u64).prop_map(|(source, sequence)| {
            let log = LogId::Source(source);
            Skipped { input: 0, log, sequence, why: String::new() }
        })
    };
    prop_oneof![
        4 => draft().prop_map(Change::Begin),
        2 => id().prop_map(Change::Resume),
        4 => (which(), 1..4_u64, 0..30_u64, any::<bool>()).prop_map(hold),
        1 => (id(), (0..40_u64).prop_map(Revision)).prop_map(|(incarnation, idle)| Change::Elapsed { incarnation, idle }),
        2 => (id(), ending()).prop_map(|(incarnation, how)| Change::End { incarnation, how }),
        2 => (digest(), (0..40_u64).prop_map(Revision), prop::collection::vec((id(), any::<bool>()), 1..4))
            .prop_map(|(to, least, moves)| Change::Turn { to, least, moves }),
        2 => (id(), (0..60_u64).prop_map(Revision), prop::option::of(digest())).prop_map(|(incarnation, mark, to)| {
            Change::Switch { incarnation, mark, to: to.map(Ran::first) }
        }),
        1 => (id(), record()).prop_map(|(incarnation, record)| Change::Skip { incarnation, record }),
        1 => id().prop_map(Change::Forget),
        1 => (id(), name()).prop_map(|(incarnation, why)| Change::Lose { incarnation, why }),
    ]
}

fn of_others() -> impl Strategy<Value = Change> {
    let named = || (name(), name()).prop_map(|(component, version)| Named { component, version });
    let origin = prop_oneof![Just(Origin::Published), name().prop_map(Origin::Errors)];
    let read = (
        name(),
        name(),
        prop::option::of(stream()),
        prop::option::of(0..9_u64),
        prop::option::of(position()),
        place(),
        at(),
    );
    prop_oneof![
        (1..4_u64).prop_map(|boot| Change::Up { node: NODE, boot }),
        (name(), origin).prop_map(|(name, origin)| Change::Create { name, origin, settings: "{}".to_owned() }),
        stream().prop_map(|stream| Change::Made { stream }),
        (stream(), name()).prop_map(|(stream, settings)| Change::Alter { stream, settings }),
        (stream(), prop::option::of(name())).prop_map(|(stream, lost)| Change::BeginEpoch { stream, lost }),
        stream().prop_map(|stream| Change::Remove { stream }),
        (digest(), named(), at()).prop_map(|(digest, named, at)| Change::Deploy {
            digest,
            named,
            how: How::Deployed,
            at
        }),
        (digest(), named()).prop_map(|(digest, named)| Change::Name { digest, named }),
        (digest(), name()).prop_map(|(digest, settings)| Change::Limit { digest, settings }),
        digest().prop_map(|digest| Change::Undeploy { digest }),
        (name(), any::<bool>()).prop_map(|(stream, skip)| Change::Policy { stream, skip }),
        read.prop_map(|(cursor, stream, source, reader, after, place, at)| {
            Change::Read { cursor, stream, source, reader, after, place, at }
        }),
        (name(), 0..9_u64, position(), at()).prop_map(|(cursor, reader, after, at)| Change::Acknowledge {
            cursor,
            reader,
            after,
            at
        }),
        (name(), place(), at()).prop_map(|(cursor, place, at)| Change::Reset { cursor, place, at }),
        name().prop_map(|cursor| Change::Delete { cursor }),
        (digest(), name(), name(), at()).prop_map(|(token, name, prefix, at)| {
            let used = Use::Client { scopes: Scopes::default(), prefix };
            Change::Grant { token, name, used, at, expires: Some(at) }
        }),
        digest().prop_map(|token| Change::Revoke { token }),
    ]
}

/// What is decided on the plan as it is (`None`) or as it was at some revision.
type On = Vec<(Entity, Option<Revision>)>;

fn entity() -> impl Strategy<Value = Entity> {
    prop_oneof![
        name().prop_map(Entity::Name),
        name().prop_map(Entity::Expression),
        id().prop_map(Entity::Incarnation),
        name().prop_map(Entity::Cursor),
        name().prop_map(Entity::Component),
    ]
}

fn proposals() -> impl Strategy<Value = Vec<(On, Vec<Change>)>> {
    let change = prop_oneof![3 => of_incarnations(), 2 => of_others()];
    let revision = prop_oneof![4 => Just(None), 1 => (0..9_u64).prop_map(|revision| Some(Revision(revision)))];
    let on = prop::collection::vec((entity(), revision), 0..3);
    prop::collection::vec((on, prop::collection::vec(change, 1..4)), 1..60)
}

/// A node and a source, so that most of what follows applies.
fn begun() -> Plan {
    let mut plan = Plan::default();
    let create = |name: &str| Change::Create { name: name.into(), origin: Origin::Published, settings: "{}".into() };
    let made = |number| Change::Made { stream: StreamId(number) };
    apply(&mut plan, &Proposal::of([Change::Up { node: NODE, boot: 1 }, create("a"), create("b"), made(1), made(2)]))
        .unwrap();
    plan
}

fn proposed(plan: &Plan, (on, changes): &(On, Vec<Change>)) -> Proposal {
    let on = on.iter().map(|(entity, revision)| (entity.clone(), revision.unwrap_or_else(|| plan.revision_of(entity))));
    Proposal { on: on.collect(), changes: changes.clone() }
}

/// Applies by way of bytes, as every other node does.
fn by_bytes(plan: &mut Plan, proposal: &Proposal) -> Result<Applied, Refusal> {
    let decoded = Proposal::decode(&proposal.encode().unwrap()).unwrap();
    assert_eq!(decoded, *proposal);
    apply(plan, &decoded)
}

/// What a plan says by its indexes, and by going through all of it.
fn is_indexed(plan: &Plan) {
    let all: Vec<_> = plan.incarnations().collect();
    let ids = |found: &mut dyn Iterator<Item = IncarnationId>| found.collect::<Vec<_>>();
    let live = ids(&mut all.iter().filter(|(_, course)| course.is_live()).map(|(id, _)| *id));
    assert_eq!(ids(&mut plan.live().map(|(id, _)| id)), live);
    for (id, course) in &all {
        assert!(plan.incarnations_of(&course.record.stream).any(|(other, _)| other == *id));
        let log = LogId::Derived(*id);
        let readers =
            ids(&mut all.iter().filter(|(_, other)| other.record.logs().any(|read| *read == log)).map(|(id, _)| *id));
        assert_eq!(ids(&mut plan.readers(&log).map(|(id, _)| id)), readers);
        let reading = readers.iter().filter(|id| live.contains(id)).copied().collect::<Vec<_>>();
        assert_eq!(ids(&mut plan.reading(&log).map(|(id, _)| id)), reading);
        assert!(!course.holds.values().any(|hold| hold.held) || plan.held(NODE).any(|(held, _)| held == *id));
        // What is live is used or lingers, and what it reads is live or has ended; nothing else is held.
        let used = course.is_held() || !reading.is_empty();
        let lingers = plan.idle().any(|(idle, _)| idle == *id);
        assert_eq!(course.is_live() && !used, lingers, "{id}: {course:?}");
        assert!(course.is_live() || course.holds.is_empty());
        assert!(course.inputs().all(|input| input < *id));
    }
    for (id, stream) in plan.streams() {
        assert_eq!(plan.stream_named(&stream.name).map(|(id, _)| id), Some(id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_changes_give_the_same_bytes_and_a_snapshot_with_the_rest_gives_all(proposals in proposals(), cut in 0..60_usize) {
        let (mut one, mut other) = (begun(), begun());
        for (place, drawn) in proposals.iter().enumerate() {
            if place == cut {
                other = Plan::of_snapshot(&bytes(&one)).unwrap();
            }
            let proposal = proposed(&one, drawn);
            let before = bytes(&one);
            let answer = apply(&mut one, &proposal);
            prop_assert_eq!(by_bytes(&mut other, &proposal), answer.clone());
            prop_assert_eq!(bytes(&one), bytes(&other));
            match answer {
                Ok(applied) if applied.touched.is_empty() => prop_assert_eq!(before, bytes(&one)),
                Ok(applied) => prop_assert_eq!(applied.revision, one.revision()),
                Err(_) => prop_assert_eq!(before, bytes(&one)),
            }
            is_indexed(&one);
        }
    }

    #[test]
    fn only_rows_of_what_was_touched_change(proposals in proposals()) {
        let mut plan = begun();
        let rows = |plan: &Plan| plan.keys().map(|key| (key.clone(), plan.row(&key).unwrap())).collect::<BTreeMap<_, _>>();
        let mut kept = rows(&plan);
        for drawn in &proposals {
            let proposal = proposed(&plan, drawn);
            let Ok(applied) = apply(&mut plan, &proposal) else { continue };
            for key in applied.touched.into_iter().map(Some).chain([None]) {
                match plan.row(&key) {
                    Some(row) => drop(kept.insert(key, row)),
                    None => drop(kept.remove(&key)),
                }
            }
            prop_assert_eq!(&kept, &rows(&plan));
        }
        let mut restored = Plan::default();
        for (key, row) in kept {
            restored.take_row(key, &row).unwrap();
        }
        prop_assert_eq!(bytes(&restored), bytes(&plan));
    }

    /// A node looks at what was touched only; at times it crashes before it does, and then at all that is wanted of its next start.
    #[test]
    fn what_runs_is_what_is_wanted_whenever_a_node_crashes(proposals in proposals(), crashes in prop::collection::vec(0..60_usize, 0..4)) {
        let (mut plan, mut boot) = (begun(), 1);
        let mut running: BTreeMap<IncarnationId, usize> = BTreeMap::new();
        for (place, drawn) in proposals.iter().enumerate() {
            let mut proposal = proposed(&plan, drawn);
            proposal.changes.retain(|change| !matches!(change, Change::Up { .. }));
            let Ok(applied) = apply(&mut plan, &proposal) else { continue };
            if crashes.contains(&place) {
                boot += 1;
                apply(&mut plan, &Proposal::of([Change::Up { node: NODE, boot }])).unwrap();
                running = wanted(&plan, NODE, boot).map(|(id, course)| (id, course.record.ran.len())).collect();
                continue;
            }
            for entity in applied.touched {
                let Entity::Incarnation(id) = entity else { continue };
                match wanted_of(&plan, NODE, boot, id) {
                    Some(course) => drop(running.insert(id, course.record.ran.len())),
                    None => drop(running.remove(&id)),
                }
            }
            let all: BTreeMap<_, _> = wanted(&plan, NODE, boot).map(|(id, course)| (id, course.record.ran.len())).collect();
            prop_assert_eq!(&running, &all);
        }
    }

    #[test]
    fn numbers_are_given_once(proposals in proposals()) {
        let mut plan = begun();
        let (mut streams, mut incarnations) = (BTreeSet::new(), BTreeSet::new());
        for drawn in &proposals {
            let proposal = proposed(&plan, drawn);
            let Ok(applied) = apply(&mut plan, &proposal) else { continue };
            for given in applied.given {
                match given {
                    dag_plan::Given::Stream(id) => prop_assert!(streams.insert(id)),
                    dag_plan::Given::Incarnation(id) => prop_assert!(incarnations.insert(id)),
                    _ => {}
                }
            }
        }
    }
}
