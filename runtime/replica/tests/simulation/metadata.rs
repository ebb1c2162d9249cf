//! Metadata as the protocol needs it: one row, changed by comparison, that gives epochs.

use dag_model::NodeId;
use dag_replica::{Assignment, Epoch, Proposal};

/// See the module.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The row.
    pub row: Assignment,
    /// The set that is wanted, while it is not there.
    pub wanted: Option<Vec<NodeId>>,
    /// When the change to it began.
    pub since: u64,
    /// A bug to be found: the set changes at once.
    pub skips_joint: bool,
    /// How often each thing was done.
    pub finals: u64,
    pub restored: u64,
    pub joints: u64,
}

/// What metadata knows of the nodes.
pub trait Nodes {
    /// The start of a node's process, if it is alive as far as is known.
    fn alive(&self, node: NodeId) -> Option<u64>;
}

impl Metadata {
    /// A stream that begins.
    pub fn new(replicas: Vec<NodeId>, skips_joint: bool) -> Metadata {
        let row = Assignment {
            epoch: Epoch(1),
            revision: 1,
            leader: replicas[0],
            boot: 1,
            replicas,
            joining: Vec::new(),
            next: None,
            made: Vec::new(),
            mark: 0,
        };
        Metadata { row, wanted: None, since: 0, skips_joint, finals: 0, restored: 0, joints: 0 }
    }

    /// Another leads, in a new epoch: the next one of the replicas that is alive, or the same again.
    pub fn elect(&mut self, nodes: &dyn Nodes) {
        let set = &self.row.replicas;
        let at = set.iter().position(|node| *node == self.row.leader).unwrap_or(0);
        let around = (1..=set.len()).map(|by| set[(at + by) % set.len()]);
        let found = around.filter_map(|node| nodes.alive(node).map(|boot| (node, boot))).next();
        // Where nobody is, nobody leads, and the epoch is another all the same.
        (self.row.leader, self.row.boot) = found.unwrap_or((set[(at + 1) % set.len()], 0));
        self.row.epoch = Epoch(self.row.epoch.0 + 1);
        self.row.revision += 1;
    }

    /// The same leads again, in a new epoch and another start of its process.
    pub fn again(&mut self, boot: u64) {
        self.row.boot = boot;
        self.row.epoch = Epoch(self.row.epoch.0 + 1);
        self.row.revision += 1;
    }

    /// The set is to become another one. Says whether that begins.
    pub fn change(&mut self, wanted: Vec<NodeId>, now: u64, nodes: &dyn Nodes) -> bool {
        if self.wanted.is_some() || wanted == self.row.replicas || wanted.is_empty() {
            return false;
        }
        self.row.joining = wanted.iter().filter(|node| !self.row.replicas.contains(node)).copied().collect();
        self.row.revision += 1;
        self.since = now;
        if self.skips_joint {
            (self.row.replicas, self.row.joining) = (wanted, Vec::new());
            self.elect(nodes);
            return true;
        }
        if self.row.joining.is_empty() {
            self.row.next = Some(wanted.clone());
        }
        self.wanted = Some(wanted);
        true
    }

    /// The change does not get on: the set stays what it was, in a new epoch.
    pub fn restore(&mut self, nodes: &dyn Nodes) {
        (self.wanted, self.row.next) = (None, None);
        self.row.joining.clear();
        self.row.revision += 1;
        self.restored += 1;
        self.elect(nodes);
    }

    /// A replica proposes something, which is refused where it was decided on what is no longer so.
    pub fn propose(&mut self, from: NodeId, proposal: &Proposal, nodes: &dyn Nodes) {
        match proposal {
            Proposal::Made if !self.row.made.contains(&from) && self.row.members().contains(&from) => {
                self.row.made.push(from);
                self.row.revision += 1;
            }
            Proposal::Unpromised(epoch) | Proposal::Resign(epoch) if *epoch == self.row.epoch => self.elect(nodes),
            Proposal::Joint { epoch, revision } if self.is_now(*epoch, *revision) && !self.row.joining.is_empty() => {
                self.row.joining.clear();
                self.row.next = self.wanted.clone();
                self.row.revision += 1;
                self.joints += 1;
            }
            Proposal::Final { epoch, revision } if self.is_now(*epoch, *revision) => {
                let Some(next) = self.row.next.take() else { return };
                self.row.made.retain(|node| next.contains(node));
                self.row.replicas = next;
                self.wanted = None;
                self.finals += 1;
                let stays =
                    self.row.replicas.contains(&self.row.leader) && nodes.alive(self.row.leader) == Some(self.row.boot);
                if stays {
                    self.row.epoch = Epoch(self.row.epoch.0 + 1);
                    self.row.revision += 1;
                } else {
                    self.elect(nodes);
                }
            }
            _ => {}
        }
    }

    fn is_now(&self, epoch: Epoch, revision: u64) -> bool {
        self.row.epoch == epoch && self.row.revision == revision
    }
}
