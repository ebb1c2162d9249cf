//! What replication costs, counted in messages, frames and syncs: a publish with 3 to 7 replicas, a takeover of 10 to 10,000 streams, and
//! streams that nobody uses. `cargo test --package dag-replica --test cost -- --nocapture` prints the table.

use std::collections::{BTreeMap, VecDeque};

use dag_model::{NodeId, StreamId};
use dag_replica::{
    Action, Assignment, Body, Command, Epoch, Frame, Kind, Limits, Moment, Opened, Replicas, Request, RequestId,
    Standing, Write,
};

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    frames: usize,
    messages: usize,
    /// Transactions of rows, on all nodes.
    transactions: usize,
    /// Writes of appends, each of which is a sync of its own file.
    appends: usize,
}

/// Nodes that answer at once.
struct Cluster {
    nodes: BTreeMap<u64, Replicas>,
    streams: u64,
    cost: Cost,
    answered: usize,
}

impl Cluster {
    fn new(nodes: u64, streams: u64) -> Cluster {
        let node = |id| (id, Replicas::new(NodeId(id), 1, Limits::default()));
        let mut cluster =
            Cluster { nodes: (1..=nodes).map(node).collect(), streams, cost: Cost::default(), answered: 0 };
        for replicas in cluster.nodes.values_mut() {
            (1..=streams).for_each(|stream| replicas.open(StreamId(stream), Opened::Absent));
        }
        cluster.lead(1, 0);
        cluster.lead(1, 1);
        cluster
    }

    /// All streams are led by this node, of all there were at first; the epoch is that of the revision.
    fn lead(&mut self, leader: u64, revision: u64) {
        let replicas: Vec<NodeId> = (1..=7).take(self.nodes.len().max(3)).map(NodeId).collect();
        let row = Assignment {
            epoch: Epoch(revision + 1),
            revision,
            leader: NodeId(leader),
            boot: 1,
            made: replicas.clone(),
            replicas,
            joining: Vec::new(),
            next: None,
            mark: 0,
        };
        let rows: Vec<(StreamId, Assignment)> =
            (1..=self.streams).map(|stream| (StreamId(stream), row.clone())).collect();
        for replicas in self.nodes.values_mut() {
            replicas.assign(Moment(revision), rows.clone(), |_| false);
        }
        self.settle();
        // Whoever was asked before it had made its logs is asked again.
        self.nodes.values_mut().for_each(|replicas| replicas.tick(Moment(revision + 1000)));
        self.settle();
    }

    fn publish(&mut self, node: u64, stream: u64) {
        let request = Request { kind: Kind::Records(None), body: Body::from(&b"row"[..]) };
        let replicas = self.nodes.get_mut(&node).expect("a node");
        assert!(replicas.request(Moment(9), StreamId(stream), RequestId(1), request));
        self.settle();
    }

    /// What it costs.
    fn count(&mut self, act: impl FnOnce(&mut Cluster)) -> Cost {
        self.cost = Cost::default();
        act(self);
        self.cost
    }

    fn settle(&mut self) {
        let now = Moment(9);
        let mut mail: VecDeque<(NodeId, NodeId, Frame)> = VecDeque::new();
        loop {
            let mut done = true;
            for (id, replicas) in &mut self.nodes {
                for action in replicas.actions() {
                    done = false;
                    match action {
                        Action::Rows(rows) => {
                            self.cost.transactions += 1;
                            replicas.rows_done(now, &rows);
                        }
                        Action::Send(to, frame) => mail.push_back((NodeId(*id), to, frame)),
                        Action::Of(stream, Command::Write { number, write }) => {
                            self.cost.appends += usize::from(matches!(write, Write::Append(_)));
                            replicas.done(now, stream, number);
                        }
                        Action::Of(_, Command::Answer { .. }) => self.answered += 1,
                        Action::Of(..) => {}
                    }
                }
            }
            for (from, to, frame) in mail.drain(..) {
                self.cost.frames += 1;
                self.cost.messages += frame.0.len();
                if let Some(replicas) = self.nodes.get_mut(&to.0) {
                    replicas.receive(now, from, frame);
                    done = false;
                }
            }
            if done {
                return;
            }
        }
    }
}

#[test]
fn a_publish_costs_a_sync_on_each_replica_and_two_messages_there_and_back() {
    println!("replicas  messages  syncs   for a publish on its own");
    for replicas in [3, 5, 7] {
        let mut cluster = Cluster::new(replicas, 1);
        cluster.publish(1, 1);
        let cost = cluster.count(|cluster| cluster.publish(1, 1));
        println!("{replicas:8}  {:8}  {:5}", cost.messages, cost.appends);
        let others = usize::try_from(replicas).expect("it is small") - 1;
        assert_eq!(cluster.answered, 2);
        assert_eq!((cost.appends, cost.transactions), (others + 1, 0));
        // The append and its acknowledgement, the commit mark and its own.
        assert!(cost.messages <= 4 * others + others, "{cost:?}");
    }
}

#[test]
fn a_takeover_of_settled_streams_costs_a_transaction_on_each_survivor_and_no_sync_of_a_log() {
    println!("streams  frames  messages  transactions  syncs of logs   for a takeover, nobody waiting");
    for streams in [10, 100, 1000, 10_000] {
        let mut cluster = Cluster::new(3, streams);
        (1..=streams.min(100)).for_each(|stream| cluster.publish(1, stream));
        cluster.nodes.remove(&1);
        let cost = cluster.count(|cluster| cluster.lead(2, 2));
        println!("{streams:7}  {:6}  {:8}  {:12}  {:13}", cost.frames, cost.messages, cost.transactions, cost.appends);
        let leads = (1..=streams).all(|stream| {
            let replica = cluster.nodes[&2].get(StreamId(stream)).expect("it is there");
            replica.standing() == Standing::Leads(Epoch(3))
        });
        assert!(leads);
        assert_eq!((cost.transactions, cost.appends), (2, 0));
        assert!(cost.frames < 100, "{cost:?}");
        // And then one publish is as dear as any other, with the epoch's entry.
        let cost = cluster.count(|cluster| cluster.publish(2, 1));
        assert!(cost.appends <= 4, "{cost:?}");
    }
}

#[test]
fn streams_that_nobody_uses_cost_nothing() {
    let mut cluster = Cluster::new(3, 1000);
    (1..=100).for_each(|stream| cluster.publish(1, stream));
    let tick = |cluster: &mut Cluster| {
        cluster.nodes.values_mut().for_each(|replicas| replicas.tick(Moment(1_000_000)));
        cluster.settle();
    };
    tick(&mut cluster);
    let cost = cluster.count(tick);
    assert_eq!(cost, Cost::default());
    assert!(cluster.nodes.values().all(|replicas| replicas.deadline().is_none()));
}
