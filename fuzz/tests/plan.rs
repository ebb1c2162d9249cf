//! Proposals and snapshots of the plan, as another node or a disk hands them over.

use std::time::Duration;

use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::{Digest, NodeId, Position, StreamId, Timestamp};
use dag_plan::{
    Began, Change, Draft, Entity, How, InputStart, Leg, Limits, LogId, Named, Origin, Place, Plan, Proposal, Revision,
    Which, apply,
};
use proptest::prelude::*;

const NODE: NodeId = NodeId(1);

/// Proposals that apply one after the other.
fn proposals() -> Vec<Proposal> {
    let begin = |stream: &str, log| {
        let inputs = vec![InputStart { legs: vec![Leg { log, sequence: 7 }], from: Timestamp(70), late: false }];
        let limits = Limits { memory: 1 << 20, call: Duration::from_secs(1), output: 1 << 20 };
        let (stream, digest, began) = (stream.to_owned(), Digest([1; 32]), Began::At(Timestamp(70)));
        Change::Begin(Draft { stream, digest, inputs, began, until: None, shards: 1, windowing: 2, limits })
    };
    let hold = Change::Hold { incarnation: Which::New(1), node: NODE, boot: 1, number: 1, held: true };
    let place = Place { legs: vec![Position { run: 1, sequence: 0 }], from: Timestamp::MIN, newest: None };
    let (source, reader, after, at) = (Some(StreamId(1)), None, None, Timestamp(0));
    let (cursor, stream) = ("c".to_owned(), "x".to_owned());
    let named = Named { component: "peak".to_owned(), version: "1.0.0".to_owned() };
    vec![
        Proposal::of([
            Change::Up { node: NODE, boot: 1 },
            Change::Create { name: "x".to_owned(), origin: Origin::Published, settings: "{}".to_owned() },
            Change::Made { stream: StreamId(1) },
        ]),
        Proposal::of([
            begin("a(x)", LogId::Source(StreamId(1))),
            begin("b(a(x))", LogId::Derived(Which::New(0))),
            hold,
        ])
        .on(Entity::Expression("a(x)".to_owned()), Revision(0)),
        Proposal::of([
            Change::Read { cursor, stream, source, reader, after, place, at },
            Change::Deploy { digest: Digest([1; 32]), named, how: How::Deployed, at },
            Change::Policy { stream: "a(x)".to_owned(), skip: true },
        ]),
    ]
}

fn plan() -> Plan {
    let mut plan = Plan::default();
    for proposal in proposals() {
        apply(&mut plan, &proposal).expect("they apply");
    }
    plan
}

fn bytes(plan: &Plan) -> Vec<u8> {
    plan.snapshot().flatten().collect()
}

/// What a node does with a proposal: refuses it, or applies it, as each other node does.
fn check(bytes_of_it: &[u8]) {
    let Ok(proposal) = Proposal::decode(bytes_of_it) else { return };
    let again = proposal.encode().expect("what is taken is not too large");
    assert_eq!(Proposal::decode(&again).as_ref(), Ok(&proposal));
    let (mut one, mut other) = (plan(), plan());
    let before = bytes(&one);
    let answer = apply(&mut one, &proposal);
    assert_eq!(apply(&mut other, &proposal), answer);
    assert_eq!(bytes(&one), bytes(&other));
    assert!(answer.is_ok() || bytes(&one) == before, "what is refused changes nothing");
    assert_eq!(Plan::of_snapshot(&bytes(&one)).map(|plan| bytes(&plan)), Ok(bytes(&one)));
}

#[test]
fn no_proposal_of_another_node_does_more_than_it_says() {
    let seeds: Vec<Vec<u8>> = proposals().iter().map(|proposal| proposal.encode().expect("it is small")).collect();
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| check(&mutated(&seeds[seed], &mutations)));
}

#[test]
fn no_bytes_are_a_proposal_by_chance() {
    fuzz(any::<Vec<u8>>(), |mut bytes| {
        bytes.insert(0, 1);
        check(&bytes);
    });
}

#[test]
fn a_damaged_snapshot_is_refused_or_is_a_plan() {
    let snapshot = bytes(&plan());
    fuzz(mutations(), |mutations| {
        let Ok(mut plan) = Plan::of_snapshot(&mutated(&snapshot, &mutations)) else { return };
        for proposal in proposals() {
            drop(apply(&mut plan, &proposal));
        }
        let written = bytes(&plan);
        assert_eq!(Plan::of_snapshot(&written).map(|plan| bytes(&plan)), Ok(written));
    });
}
