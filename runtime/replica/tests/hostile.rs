//! Messages that no replica would send: whatever comes, from whomever, in whatever order, a replica goes on or stands still, and panics
//! never.

use dag_model::NodeId;
use dag_replica::{
    Append, Assignment, Base, Batch, Body, Command, Epoch, Header, Index, Kind, Life, Limits, Message, Moment, Opened,
    Point, Prefix, Replica, Request, RequestId,
};
use proptest::prelude::*;

/// What happens to a replica.
#[derive(Clone, Debug)]
enum Event {
    Message(u64, Message),
    Assigned(Assignment),
    Request(Kind),
    Done,
    Failed,
    Tick,
}

fn points() -> impl Strategy<Value = Point> {
    (0u64..5, 0u64..9).prop_map(|(epoch, index)| Point::new(epoch, index))
}

fn kinds() -> impl Strategy<Value = Kind> {
    let batch = |number| Batch { publisher: "p".to_owned(), session: 1, number };
    prop_oneof![
        (0u64..4).prop_map(move |number| Kind::Records(Some(batch(number)))),
        Just(Kind::Note),
        Just(Kind::Epoch),
        Just(Kind::Set),
        (0u64..9).prop_map(|index| Kind::Trim(Index(index))),
        Just(Kind::Seal(None)),
    ]
}

/// Appends behind a point, most of them one after the other.
fn appends(prev: Point) -> impl Strategy<Value = Vec<Append>> {
    prop::collection::vec((kinds(), 0u64..2, 0u64..20), 0..4).prop_map(move |drawn| {
        let mut last = prev;
        let mut all = Vec::new();
        for (kind, later, gap) in drawn {
            last = Point::new(last.epoch.0 + later, last.index.0 + 1 + u64::from(gap == 0));
            all.push(Append { header: Header { point: last, kind }, body: Body::default() });
        }
        all
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let epochs = || (0u64..6).prop_map(Epoch);
    let indexes = || (0u64..9).prop_map(Index);
    let lives = || (0u64..3, 0u32..2).prop_map(|(boot, opening)| Life { boot, opening });
    let follows = || points().prop_flat_map(|prev| (Just(prev), appends(prev)));
    prop_oneof![
        epochs().prop_map(|epoch| Message::Ask { epoch }),
        (epochs(), points(), indexes()).prop_map(|(epoch, end, committed)| Message::Promise { epoch, end, committed }),
        (epochs(), points()).prop_map(|(epoch, from)| Message::Fetch { epoch, from }),
        (epochs(), follows()).prop_map(|(epoch, (prev, appends))| Message::Tail { epoch, prev, appends }),
        (epochs(), 0u64..4, follows(), indexes(), prop::option::of((lives(), indexes()))).prop_map(
            |(epoch, round, (prev, appends), committed, target)| Message::Append {
                epoch,
                round,
                prev,
                appends,
                committed,
                target
            }
        ),
        (epochs(), lives(), 0u64..4, indexes(), indexes(), any::<bool>()).prop_map(
            |(epoch, life, round, durable, committed, whole)| Message::Ack {
                epoch,
                life,
                round,
                durable,
                committed,
                whole
            }
        ),
        (epochs(), lives(), points(), any::<bool>()).prop_map(|(epoch, life, hint, whole)| Message::Apart {
            epoch,
            life,
            round: 0,
            hint,
            whole
        }),
        (epochs(), 0u64..2, points(), indexes()).prop_map(|(epoch, round, point, at)| {
            Message::Base { epoch, round, base: Base { point, checkpoint: Prefix { at, ..Prefix::default() } } }
        }),
        (epochs(), lives()).prop_map(|(epoch, life)| Message::Lost { epoch, life }),
        epochs().prop_map(|promised| Message::Refused { promised }),
    ]
}

fn assignments() -> impl Strategy<Value = Assignment> {
    let sets = || prop::collection::vec((1u64..5).prop_map(NodeId), 1..4);
    (1u64..6, 1u64..30, 1u64..4, sets(), prop::option::of(sets()), 0u64..2).prop_map(
        |(epoch, revision, leader, replicas, next, mark)| Assignment {
            epoch: Epoch(epoch),
            revision,
            leader: NodeId(leader),
            boot: 1,
            made: replicas.clone(),
            replicas,
            joining: Vec::new(),
            next,
            mark,
        },
    )
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (1u64..5, messages()).prop_map(|(from, message)| Event::Message(from, message)),
        3 => assignments().prop_map(Event::Assigned),
        3 => kinds().prop_map(Event::Request),
        10 => Just(Event::Done),
        1 => Just(Event::Failed),
        2 => Just(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_replica_survives_whatever_it_is_told(events in prop::collection::vec(events(), 1..60)) {
        let mut replica = Replica::open(NodeId(1), 1, Limits { checkpoint: 2, ..Limits::default() }, Opened::Absent);
        let first = Assignment {
            epoch: Epoch(1), revision: 0, leader: NodeId(1), boot: 1, replicas: vec![NodeId(1), NodeId(2), NodeId(3)], joining: Vec::new(),
            next: None, made: vec![NodeId(1), NodeId(2)], mark: 0,
        };
        replica.assign(Moment(0), first);
        let mut last = 0;
        for (at, event) in (1..).zip(events) {
            let now = Moment(at * 50);
            match event {
                Event::Message(from, message) => replica.receive(now, NodeId(from), message),
                Event::Assigned(row) => replica.assign(now, row),
                Event::Request(kind) => replica.request(now, RequestId(at), Request { kind, body: Body::default() }),
                Event::Done => replica.done(now, last),
                Event::Failed => {
                    replica.failed(now);
                    replica.reopen(now, Opened::Absent);
                }
                Event::Tick => replica.tick(now),
            }
            let commands = replica.commands();
            prop_assert!(commands.len() < 1000, "one event makes {} commands", commands.len());
            for command in commands {
                match command {
                    Command::Write { number, .. } => last = number,
                    Command::Read(read) => replica.read(now, read, Vec::new()),
                    _ => {}
                }
            }
        }
    }
}
