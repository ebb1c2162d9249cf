//! A few nodes that do what a test says, and nothing by chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use dag_model::NodeId;
use dag_replica::{
    Answer, Append, Assignment, Batch, Body, Command, Epoch, Index, Kind, Limits, Message, Moment, Proposal, Question,
    Replica, Request, RequestId, Standing, Write,
};

use crate::disk::Disk;

/// Nodes of one stream, metadata's row of it, and what is on its way.
pub struct Cluster {
    pub row: Assignment,
    pub limits: Limits,
    /// What was proposed, by whom.
    pub proposed: Vec<(u64, Proposal)>,
    /// All that was sent, whether it came or not.
    pub sent: Vec<(u64, u64, Message)>,
    /// What each node wrote.
    pub wrote: Vec<(u64, Write)>,
    /// How often appends were read from disk.
    pub reads: usize,
    nodes: BTreeMap<u64, Node>,
    mail: VecDeque<(u64, u64, Message)>,
    cut: BTreeSet<u64>,
    stuck: BTreeSet<u64>,
    unaware: BTreeSet<u64>,
    answers: BTreeMap<RequestId, Answer>,
    now: Moment,
    ids: u64,
}

#[derive(Default)]
struct Node {
    replica: Option<Replica>,
    disk: Disk,
    boot: u64,
}

/// These nodes.
pub fn nodes(ids: &[u64]) -> Vec<NodeId> {
    ids.iter().map(|id| NodeId(*id)).collect()
}

/// A batch of the publisher `p`.
pub fn batch(number: u64) -> Kind {
    Kind::Records(Some(named(number)))
}

/// The same, as what a leave or a seal names.
pub fn named(number: u64) -> Batch {
    Batch { publisher: "p".to_owned(), session: 1, number }
}

impl Cluster {
    /// Nodes 1 to 5 of which these replicate; the first leads in epoch 1.
    pub fn of(replicas: &[u64]) -> Cluster {
        Cluster::limited(replicas, Limits::default())
    }

    /// The same, with other limits.
    pub fn limited(replicas: &[u64], limits: Limits) -> Cluster {
        let row = Assignment {
            epoch: Epoch(1),
            revision: 1,
            leader: NodeId(replicas[0]),
            boot: 1,
            replicas: nodes(replicas),
            joining: Vec::new(),
            next: None,
            made: Vec::new(),
            mark: 0,
        };
        let mut cluster = Cluster {
            row,
            limits,
            proposed: Vec::new(),
            sent: Vec::new(),
            wrote: Vec::new(),
            reads: 0,
            nodes: (1..=5).map(|id| (id, Node::default())).collect(),
            mail: VecDeque::new(),
            cut: BTreeSet::new(),
            stuck: BTreeSet::new(),
            unaware: BTreeSet::new(),
            answers: BTreeMap::new(),
            now: Moment(0),
            ids: 0,
        };
        (1..=5).for_each(|id| cluster.start(id));
        cluster.change(|_| {});
        cluster.made();
        // Whoever was asked before it was up is asked again.
        cluster.pass(Duration::from_millis(200));
        cluster.made();
        cluster
    }

    /// Those who made their logs are known to have made them.
    pub fn made(&mut self) {
        let proposed = std::mem::take(&mut self.proposed);
        let made = proposed.iter().filter(|(_, what)| *what == Proposal::Made).map(|(node, _)| NodeId(*node));
        let made: Vec<NodeId> = made.filter(|node| !self.row.made.contains(node)).collect();
        self.change(|row| row.made.extend(made));
    }

    /// Metadata's row changes, and all who are up hear of it.
    pub fn change(&mut self, change: impl FnOnce(&mut Assignment)) {
        change(&mut self.row);
        self.row.revision += 1;
        self.announce();
        self.settle();
    }

    /// This node leads, in the next epoch.
    pub fn elect(&mut self, id: u64) {
        let boot = self.nodes[&id].boot;
        self.change(|row| {
            (row.leader, row.boot, row.epoch) = (NodeId(id), boot, Epoch(row.epoch.0 + 1));
        });
    }

    /// A node hears nothing of metadata from now on.
    pub fn keep_unaware(&mut self, id: u64) {
        self.unaware.insert(id);
    }

    /// It does again.
    pub fn make_aware(&mut self, id: u64) {
        self.unaware.remove(&id);
        self.announce();
        self.settle();
    }

    /// Nothing gets to a node, or from it.
    pub fn cut(&mut self, id: u64) {
        self.cut.insert(id);
    }

    /// It does again.
    pub fn join(&mut self, id: u64) {
        self.cut.remove(&id);
        let ids: Vec<u64> = self.nodes.keys().copied().collect();
        for other in ids {
            self.with(other, |replica, now| replica.connected(now, NodeId(id)));
            self.with(id, |replica, now| replica.connected(now, NodeId(other)));
        }
        self.settle();
    }

    /// A node's disk finishes nothing.
    pub fn hang(&mut self, id: u64) {
        self.stuck.insert(id);
    }

    /// It does again.
    pub fn release(&mut self, id: u64) {
        self.stuck.remove(&id);
        self.settle();
    }

    /// A node is killed, and what it has not synced is gone.
    pub fn kill(&mut self, id: u64) {
        let node = self.nodes.get_mut(&id).expect("a node");
        node.replica = None;
        node.disk.forget();
        self.stuck.remove(&id);
        self.mail.retain(|(_, to, _)| *to != id);
    }

    /// A node starts, with another boot.
    pub fn start(&mut self, id: u64) {
        let limits = self.limits;
        let node = self.nodes.get_mut(&id).expect("a node");
        node.boot += 1;
        node.replica = Some(Replica::open(NodeId(id), node.boot, limits, node.disk.open()));
        self.join(id);
        self.announce();
        self.settle();
    }

    /// A disk.
    pub fn disk(&mut self, id: u64) -> &mut Disk {
        &mut self.nodes.get_mut(&id).expect("a node").disk
    }

    /// A write of a node fails; what is on its disk then is opened again.
    pub fn fail(&mut self, id: u64) {
        self.disk(id).forget();
        self.with(id, Replica::failed);
        let opened = self.nodes[&id].disk.open();
        self.with(id, |replica, now| replica.reopen(now, opened));
        self.settle();
    }

    /// Something is to be appended by a node.
    pub fn request(&mut self, id: u64, kind: Kind) -> RequestId {
        self.request_of(id, kind, 8)
    }

    /// The same, with so many bytes.
    pub fn request_of(&mut self, id: u64, kind: Kind, bytes: usize) -> RequestId {
        self.ids += 1;
        let request = RequestId(self.ids);
        let body = Body(vec![u8::try_from(self.ids % 251).expect("it is small"); bytes].into());
        self.with(id, |replica, now| replica.request(now, request, Request { kind, body }));
        request
    }

    /// Something is asked of a node.
    pub fn ask(&mut self, id: u64, question: Question) -> RequestId {
        self.ids += 1;
        let request = RequestId(self.ids);
        self.with(id, |replica, now| replica.question(now, request, question));
        request
    }

    /// Takes what is asked for to its answer, if it comes to one.
    pub fn answer(&mut self, request: RequestId) -> Option<Answer> {
        self.settle();
        self.answers.get(&request).cloned()
    }

    /// Something is appended by a node and answered, if it is.
    pub fn append(&mut self, id: u64, kind: Kind) -> Option<Answer> {
        let request = self.request(id, kind);
        self.answer(request)
    }

    /// A node's replica.
    pub fn replica(&self, id: u64) -> &Replica {
        self.nodes[&id].replica.as_ref().expect("it is up")
    }

    /// Whether a node leads in the epoch that metadata gave last.
    pub fn leads(&self, id: u64) -> bool {
        self.replica(id).standing() == Standing::Leads(self.row.epoch)
    }

    /// The kinds of the appends that a node has.
    pub fn kinds(&self, id: u64) -> Vec<Kind> {
        let state = self.nodes[&id].disk.written();
        let all = state.base().index.0 + 1..=state.end().index.0;
        all.filter_map(|index| state.get(Index(index))).map(|append| append.header.kind.clone()).collect()
    }

    /// The appends that a node has.
    pub fn log(&self, id: u64) -> Vec<Append> {
        let state = self.nodes[&id].disk.written();
        (1..=state.end().index.0).filter_map(|index| state.get(Index(index))).cloned().collect()
    }

    /// Time passes, and what waits for it happens.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now = (self.now + Duration::from_millis(20)).min(until);
            let ids: Vec<u64> = self.nodes.keys().copied().collect();
            for id in ids {
                self.with(id, Replica::tick);
            }
            self.settle();
        }
    }

    /// All that is under way comes, and all that hangs on it, but for what is cut off or hangs.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if let Some((from, to, message)) = self.mail.pop_front() {
                if !self.cut.contains(&from) && !self.cut.contains(&to) {
                    self.with(to, |replica, now| replica.receive(now, NodeId(from), message));
                }
            } else if !self.sync() {
                return;
            }
        }
        panic!("messages go to and fro without end");
    }

    fn sync(&mut self) -> bool {
        let ids: Vec<u64> = self.nodes.keys().copied().filter(|id| !self.stuck.contains(id)).collect();
        let mut any = false;
        for id in ids {
            let disk = self.disk(id);
            disk.begin();
            if let Some((number, _)) = disk.end()
                && number > 0
            {
                any = true;
                self.with(id, |replica, now| replica.done(now, number));
            }
        }
        any
    }

    fn announce(&mut self) {
        let ids: Vec<u64> = self.nodes.keys().copied().filter(|id| !self.unaware.contains(id)).collect();
        for id in ids {
            let row = self.row.clone();
            self.with(id, |replica, now| replica.assign(now, row));
        }
    }

    fn with(&mut self, id: u64, act: impl FnOnce(&mut Replica, Moment)) {
        let now = self.now;
        let Some(replica) = &mut self.nodes.get_mut(&id).expect("a node").replica else { return };
        act(replica, now);
        self.drain(id);
    }

    fn drain(&mut self, id: u64) {
        while let Some(replica) = &mut self.nodes.get_mut(&id).expect("a node").replica {
            let commands = replica.commands();
            if commands.is_empty() {
                return;
            }
            for command in commands {
                self.execute(id, command);
            }
        }
    }

    fn execute(&mut self, id: u64, command: Command) {
        match command {
            Command::Write { number, write } => {
                self.wrote.push((id, write.clone()));
                self.disk(id).write(number, write);
            }
            Command::Send { to, message } => {
                self.sent.push((id, to.0, message.clone()));
                self.mail.push_back((id, to.0, message));
            }
            Command::Read(read) => {
                self.reads += 1;
                let appends = self.disk(id).read(read.prev.index, read.last, read.appends);
                self.with(id, |replica, now| replica.read(now, read, appends));
            }
            Command::Answer { id: request, answer } => drop(self.answers.insert(request, answer)),
            Command::Propose(proposal) => self.proposed.push((id, proposal)),
            Command::Commit(_) | Command::Reopen => {}
            Command::Contradiction(found) => panic!("node {id}: {found}"),
        }
    }
}
