//! Random programs: what is done to a node, one after the other.

use proptest::prelude::*;

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
    /// Nothing is computed that nobody reads.
    Settle,
    /// The node is stopped as by Ctrl-C, and starts again.
    Restart,
    /// The node is killed, so many microseconds after a request was sent that nobody has the answer of yet; where the power is cut,
    /// what is not durable of the source `x` is gone, too.
    Crash {
        publish: Option<Publish>,
        after: u64,
        power: bool,
    },
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
    let subscribe = (choice(), from(), prop::bool::weighted(0.2));
    prop_oneof![
        20 => publish().prop_map(Operation::Publish),
        2 => (source(), publisher()).prop_map(|(source, publisher)| Operation::Repeat { source, publisher }),
        1 => (source(), publisher()).prop_map(|(source, publisher)| Operation::Skip { source, publisher }),
        1 => (source(), publisher()).prop_map(|(source, publisher)| Operation::TakeOver { source, publisher }),
        10 => subscribe.prop_map(|(expression, from, ordered)| Operation::Subscribe { expression, from, ordered }),
        3 => choice().prop_map(Operation::GoOn),
        4 => choice().prop_map(Operation::Follow),
        4 => choice().prop_map(Operation::Acknowledge),
        8 => choice().prop_map(Operation::Read),
        6 => choice().prop_map(Operation::Leave),
        1 => (source(), 0..6_i64).prop_map(|(source, allowance)| Operation::Alter { source, allowance }),
        2 => Just(Operation::Settle),
        1 => Just(Operation::Restart),
    ]
}

fn crash() -> impl Strategy<Value = Operation> {
    let all = (prop::option::of(publish()), 0..4_000_u64, any::<bool>());
    all.prop_map(|(publish, after, power)| Operation::Crash { publish, after, power })
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
