//! Random programs: what is done to a node, one after the other.

use proptest::prelude::*;

use crate::component::{Kit, VERSIONS, Wanted};

/// The names of those who publish by name.
pub const PUBLISHERS: [&str; 2] = ["p", "q"];

/// The hosts of records.
pub const HOSTS: [&str; 3] = ["a", "b", "c"];

/// The most crashes and operations that a program has, and the least.
const CRASHES: std::ops::Range<usize> = 2..4;
const OTHERS: std::ops::Range<usize> = 48..70;

/// Chooses one of those that are there when it comes to that, modulo how many they are; where none is, nothing is done.
type Choice = usize;

/// What is done.
#[derive(Clone, Debug)]
pub enum Operation {
    Publish(Publish),
    /// The publisher's last batch once more.
    Repeat {
        source: usize,
        publisher: usize,
    },
    /// A batch, though the one before it is missing.
    Skip {
        source: usize,
        publisher: usize,
    },
    /// Another process comes under the publisher's name, and the first one speaks once more.
    TakeOver {
        source: usize,
        publisher: usize,
    },
    /// A new reader.
    Subscribe {
        expression: Choice,
        from: From,
        ordered: bool,
        stop: Option<Stop>,
    },
    /// A new reader who begins where one that left had got to.
    GoOn(Choice),
    /// A reader whose place is kept in a cursor, one for each expression.
    Follow(Choice),
    /// Such a reader says that it has all that it got.
    Acknowledge(Choice),
    /// A reader reads all that must be there.
    Read(Choice),
    Leave(Choice),
    /// A source's records may lie this many seconds behind from now on.
    Alter {
        source: usize,
        allowance: i64,
    },
    Deploy(Deploy),
    /// Nothing is computed that nobody reads, and what is computed, by current versions.
    Settle,
    /// The node is stopped as by Ctrl-C, and starts again.
    Restart,
    /// The node is killed, so many microseconds after a request was sent that nobody has the answer of yet; where the power is cut,
    /// what is not durable of the source `x` and of what is computed is gone, too.
    Crash {
        during: Option<During>,
        after: u64,
        power: bool,
    },
}

/// What a node is doing when it crashes.
#[derive(Clone, Debug)]
pub enum During {
    Publish(Publish),
    Deploy(Deploy),
}

/// A request to make a version of a component current.
#[derive(Clone, Debug)]
pub struct Deploy {
    pub kit: Kit,
    pub wanted: Wanted,
    /// Whether what runs may move by replay.
    pub replay: bool,
    /// Whether it is only asked what that would do.
    pub dry_run: bool,
}

/// A request to publish, relative to what is there.
#[derive(Clone, Debug)]
pub struct Publish {
    pub source: usize,
    /// None for an unnamed one.
    pub publisher: Option<usize>,
    /// Per record: its time, against the greatest one that is there, in seconds; its host; its value.
    pub records: Vec<(i64, usize, i64)>,
    /// Against the greatest time, in seconds.
    pub heartbeat: Option<i64>,
    pub ending: Ending,
}

/// What a publisher says at the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Nothing,
    Leave,
    Done,
    Seal,
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug)]
pub enum From {
    Earliest,
    Newest,
    Latest,
    /// So many seconds before the greatest time that is there.
    Back(i64),
}

/// Where a reader ends by itself.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Before so many seconds after the greatest time that is there.
    Until(i64),
    /// After so many records.
    Limit(usize),
}

/// A program: the operations, each with whether it is done. Shrinking leaves out as many as it can.
pub fn program() -> impl Strategy<Value = Vec<Operation>> {
    let kept = || prop::bool::weighted(1.0);
    let others = prop::collection::vec((kept(), operation()), OTHERS);
    let crashes = prop::collection::vec((kept(), choice(), crash()), CRASHES);
    (others, crashes).prop_map(|(mut all, crashes)| {
        for (kept, at, crash) in crashes {
            all.insert(at % all.len(), (kept, crash));
        }
        all.into_iter().filter_map(|(kept, operation)| kept.then_some(operation)).collect()
    })
}

fn choice() -> impl Strategy<Value = Choice> {
    0..1_000_usize
}

fn operation() -> impl Strategy<Value = Operation> {
    let (source, publisher) = (|| 0..2_usize, || 0..PUBLISHERS.len());
    let subscribe = (choice(), from(), prop::bool::weighted(0.2), prop::option::weighted(0.3, stop()));
    prop_oneof![
        20 => publish().prop_map(Operation::Publish),
        2 => (source(), publisher()).prop_map(|(source, publisher)| Operation::Repeat { source, publisher }),
        1 => (source(), publisher()).prop_map(|(source, publisher)| Operation::Skip { source, publisher }),
        1 => (source(), publisher()).prop_map(|(source, publisher)| Operation::TakeOver { source, publisher }),
        12 => subscribe.prop_map(|(expression, from, ordered, stop)| Operation::Subscribe {
            expression,
            from,
            ordered,
            stop,
        }),
        3 => choice().prop_map(Operation::GoOn),
        4 => choice().prop_map(Operation::Follow),
        4 => choice().prop_map(Operation::Acknowledge),
        8 => choice().prop_map(Operation::Read),
        6 => choice().prop_map(Operation::Leave),
        1 => (source(), 0..6_i64).prop_map(|(source, allowance)| Operation::Alter { source, allowance }),
        9 => deploy().prop_map(Operation::Deploy),
        3 => Just(Operation::Settle),
        1 => Just(Operation::Restart),
    ]
}

fn crash() -> impl Strategy<Value = Operation> {
    let nothing = (Just(None), Just(0));
    let publishing = (publish().prop_map(|publish| Some(During::Publish(publish))), 0..4_000_u64);
    let deploying = (deploy().prop_map(|deploy| Some(During::Deploy(deploy))), 0..80_000_u64);
    let during = prop_oneof![1 => nothing, 2 => publishing, 2 => deploying];
    (during, any::<bool>()).prop_map(|((during, after), power)| Operation::Crash { during, after, power })
}

fn deploy() -> impl Strategy<Value = Deploy> {
    let kit = prop_oneof![Just(Kit::Count), Just(Kit::Walk)];
    let version = (kit.clone(), 0..VERSIONS.len()).prop_map(|(kit, version)| (kit, Wanted::Version(version)));
    let wanted = prop_oneof![
        12 => version,
        8 => kit.prop_map(|kit| (kit, Wanted::Previous)),
        1 => Just((Kit::Walk, Wanted::Incompatible)),
    ];
    let all = (wanted, prop::bool::weighted(0.85), prop::bool::weighted(0.1));
    all.prop_map(|((kit, wanted), replay, dry_run)| Deploy { kit, wanted, replay, dry_run })
}

fn publish() -> impl Strategy<Value = Publish> {
    let records = prop_oneof![6 => records(1..7), 1 => records(30..60), 2 => Just(Vec::new())];
    let publisher = prop_oneof![3 => prop::option::of(Just(0_usize)), 1 => Just(Some(1))];
    let heartbeat = prop_oneof![3 => Just(None), 1 => (-5..12_i64).prop_map(Some)];
    let ending = prop_oneof![
        60 => Just(Ending::Nothing),
        20 => Just(Ending::Leave),
        14 => Just(Ending::Done),
        1 => Just(Ending::Seal),
    ];
    let all = (0..2_usize, publisher, records, heartbeat, ending);
    all.prop_map(|(source, publisher, records, heartbeat, ending)| Publish {
        source,
        publisher,
        records,
        heartbeat,
        ending,
    })
}

fn records(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(i64, usize, i64)>> {
    prop::collection::vec((-8..7_i64, 0..HOSTS.len(), -20..100_i64), count)
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![
        4 => Just(From::Earliest),
        2 => Just(From::Newest),
        2 => Just(From::Latest),
        2 => (0..40_i64).prop_map(From::Back),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    prop_oneof![(-10..20_i64).prop_map(Stop::Until), (1..12_usize).prop_map(Stop::Limit)]
}
