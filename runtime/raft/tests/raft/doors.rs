//! Two doors, one plan: what a node that is alone has on its disk, and what a cluster has, for the same proposals.

use dag_metadata::{Local, MetaError, tables};
use dag_model::{Digest, IncarnationId, NodeId, Position, StreamId, Timestamp};
use dag_plan::{
    Began, Change, Draft, Ending, Entity, How, InputStart, Leg, Limits, LogId, Named, Origin, Place, Plan, Proposal,
    Ran, Revision, Scopes, Use, Which,
};
use dag_raft::{Group, Machine};
use openraft::storage::RaftStateMachine;
use openraft::{CommittedLeaderId, EntryPayload, RaftSnapshotBuilder};
use proptest::prelude::*;

use crate::support::changes::{bytes, policy, rows};
use crate::support::disk;

const NODE: NodeId = NodeId(1);

fn name() -> impl Strategy<Value = String> {
    "[ab]"
}

fn id() -> impl Strategy<Value = IncarnationId> {
    (1..6_u64).prop_map(IncarnationId)
}

fn change() -> impl Strategy<Value = Change> {
    let stream = || (1..4_u64).prop_map(StreamId);
    let at = || (0..9_i64).prop_map(Timestamp);
    let revision = || (0..40_u64).prop_map(Revision);
    let digest = || (0..3_u8).prop_map(|number| Digest([number; 32]));
    let place = || Place { legs: vec![Position { run: 1, sequence: 0 }], from: Timestamp::MIN, newest: None };
    let draft = (name(), stream(), digest()).prop_map(|(name, source, digest)| {
        let leg = Leg { log: LogId::Source(source), sequence: 7 };
        Change::Begin(Draft {
            stream: format!("f({name})"),
            digest,
            inputs: vec![InputStart { legs: vec![leg], from: Timestamp(70), late: false }],
            began: Began::At(Timestamp(70)),
            until: None,
            shards: 1,
            windowing: 2,
            limits: Limits { memory: 1, call: std::time::Duration::from_secs(1), output: 1 },
        })
    });
    let which = prop_oneof![id().prop_map(Which::There), (0..3_u32).prop_map(Which::New)];
    let hold = (which, 0..9_u64, any::<bool>()).prop_map(|(incarnation, number, held)| Change::Hold {
        incarnation,
        node: NODE,
        boot: 1,
        number,
        held,
    });
    let create = |name: String| Change::Create { name, origin: Origin::Published, settings: "{}".to_owned() };
    let deploy = (digest(), name(), at()).prop_map(|(digest, component, at)| {
        let named = Named { component, version: "1.0.0".to_owned() };
        Change::Deploy { digest, named, how: How::Deployed, at }
    });
    let read = (name(), at()).prop_map(move |(cursor, at)| {
        let (stream, source, place) = ("a".to_owned(), Some(StreamId(1)), place());
        Change::Read { cursor, stream, source, reader: None, after: None, place, at }
    });
    prop_oneof![
        3 => draft,
        3 => hold,
        2 => name().prop_map(create),
        2 => stream().prop_map(|stream| Change::Made { stream }),
        1 => (stream(), name()).prop_map(|(stream, settings)| Change::Alter { stream, settings }),
        1 => stream().prop_map(|stream| Change::BeginEpoch { stream, lost: None }),
        1 => stream().prop_map(|stream| Change::Remove { stream }),
        1 => deploy,
        1 => (digest(), name()).prop_map(|(digest, settings)| Change::Limit { digest, settings }),
        1 => digest().prop_map(|digest| Change::Undeploy { digest }),
        1 => id().prop_map(|incarnation| Change::End { incarnation, how: Ending::Finished }),
        1 => (digest(), revision(), prop::collection::vec((id(), any::<bool>()), 1..4))
            .prop_map(|(to, least, moves)| Change::Turn { to, least, moves }),
        1 => (id(), revision(), prop::option::of(digest())).prop_map(|(incarnation, mark, to)| {
            Change::Switch { incarnation, mark, to: to.map(Ran::first) }
        }),
        1 => (digest(), name(), at()).prop_map(|(token, name, at)| {
            let used = Use::Client { scopes: Scopes::default(), prefix: name.clone() };
            Change::Grant { token, name, used, at, expires: Some(at) }
        }),
        1 => digest().prop_map(|token| Change::Revoke { token }),
        1 => id().prop_map(Change::Forget),
        1 => read,
        1 => name().prop_map(|cursor| Change::Delete { cursor }),
    ]
}

fn proposal() -> impl Strategy<Value = Proposal> {
    let on = prop::option::of((name(), 0..4_u64));
    (on, prop::collection::vec(change(), 1..4)).prop_map(|(on, changes)| {
        let proposal = Proposal::of(changes);
        match on {
            Some((name, revision)) => proposal.on(Entity::Name(name), Revision(revision)),
            None => proposal,
        }
    })
}

fn local() -> Local {
    let disk = disk::disk();
    let store = disk::store(&disk);
    store.write(tables::make).unwrap();
    Local::start(store, Plan::default()).unwrap()
}

fn machine() -> Machine {
    let disk = disk::disk();
    Machine::open(disk::store(&disk)).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_proposals_give_the_same_tables_through_both_doors(
        groups in prop::collection::vec(prop::collection::vec(proposal(), 1..4), 1..20),
        snapshots in prop::collection::vec(0..20_usize, 0..4),
    ) {
        let (local, mut voter, mut late) = (local(), machine(), machine());
        let begun = [Change::Up { node: NODE, boot: 1 }];
        let last = policy("last");
        let groups = [vec![Proposal::of(begun)]].into_iter().chain(groups).chain([vec![last]]);
        runtime().block_on(async {
            for (index, group) in groups.enumerate() {
                let log_id = openraft::LogId::new(CommittedLeaderId::new(1, 1), index as u64);
                let payload = EntryPayload::Normal(Group::encode(&group).unwrap());
                let answers = voter.apply([openraft::Entry { log_id, payload }]).await.unwrap();
                for (proposal, answer) in group.iter().zip(answers[0].each()) {
                    match local.propose(proposal.clone(), Vec::new()) {
                        Ok(applied) => assert_eq!(answer, &Ok(applied)),
                        Err(MetaError::Refused(refusal)) => assert_eq!(answer, &Err(refusal)),
                        Err(error) => panic!("{error}"),
                    }
                }
                if snapshots.contains(&index) {
                    voter.get_snapshot_builder().await.build_snapshot().await.unwrap();
                }
            }
            // A snapshot that is taken, and the same one as it comes to another node.
            let snapshot = voter.get_snapshot_builder().await.build_snapshot().await.unwrap();
            let sent = Plan::of_snapshot(&bytes(&snapshot.snapshot)).unwrap();
            late.install_snapshot(&snapshot.meta, Box::new(sent)).await.unwrap();
        });
        let expected = rows(local.store());
        prop_assert_eq!(&expected, &rows(voter.store()));
        prop_assert_eq!(&expected, &rows(late.store()));
        prop_assert_eq!(bytes(&local.plan()), bytes(&late.plan()));
    }
}

#[test]
fn what_a_node_that_was_alone_had_is_what_a_cluster_begins_with() {
    let disk = disk::disk();
    let store = disk::store(&disk);
    store.write(tables::make).unwrap();
    let local = Local::start(store, Plan::default()).unwrap();
    local.propose(policy("x"), Vec::new()).unwrap();
    let (before, plan) = (rows(local.store()), bytes(&local.plan()));
    drop(local);
    let mut machine = Machine::open(disk::store(&disk)).unwrap();
    assert_eq!(bytes(&machine.plan()), plan);
    assert_eq!(rows(machine.store()), before);
    let (applied, members) = runtime().block_on(machine.applied_state()).unwrap();
    assert_eq!((applied, members), (None, Default::default()), "the log begins behind it");
}
