//! A cluster of one stream: nodes with disks, a bus between them, metadata, clients, and the clock that moves only with events.
//!
//! What is here is time: events, and to whom they happen. In its folder are what comes to a node (`delivery`), what a replica then wants
//! (`execution`), what clients want (`clients`), and what goes wrong (`faults`).

mod clients;
mod delivery;
mod execution;
mod faults;

use std::collections::BTreeMap;

use dag_model::NodeId;
use dag_replica::{Assignment, Epoch, Index, Message, Moment, Proposal, Read, Replica, RequestId};

use crate::chance::Chance;
use crate::clients::Clients;
use crate::coverage::Coverage;
use crate::disk::Disk;
use crate::invariants::{Truth, epochs_agree, marks_go_on, settles};
use crate::metadata::{Metadata, Nodes};
use crate::network::Network;
use crate::planted::Planted;
use crate::profile::Profile;

/// How long after the faults everything has to be well.
const SETTLES_WITHIN: u64 = 60_000;
/// The most events of each phase.
const MOST_EVENTS: u64 = 200_000;
/// The longest way of a message that is late.
const LATE: u64 = 300;
/// How long a node is silent before metadata takes it for dead.
const DEAD_AFTER: u64 = 120;
/// How long a change of the set may take before it is taken back.
const CHANGE_WITHIN: u64 = 1500;

/// What happens at a moment.
#[derive(Clone, Debug)]
enum Event {
    Deliver { from: u64, to: u64, message: Message },
    Synced { node: u64, boot: u64, opening: u32 },
    Reads { node: u64, boot: u64, opening: u32, read: Read },
    Tick { node: u64, boot: u64 },
    Plan { node: u64, row: Assignment },
    Start { node: u64 },
    Resume { node: u64 },
    Reopen { node: u64, boot: u64 },
    Propose { from: u64, proposal: Proposal },
    Publish { publisher: usize },
    Zombie { publisher: usize, session: u64, number: u64 },
    GiveUp { publisher: usize, id: RequestId },
    Detect,
    Disturb,
    Heal,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its replica, while it is up.
    pub replica: Option<Replica>,
    /// Its disk.
    pub disk: Disk,
    id: u64,
    boot: u64,
    opening: u32,
    paused: bool,
    /// What came while it was paused.
    missed: Vec<Event>,
    silent_since: Option<u64>,
    plan: Option<Assignment>,
    shown: marks_go_on::Shown,
    tick: Option<u64>,
    /// The last epoch in which it was seen to lead.
    led: Epoch,
    doomed: bool,
}

/// See the module.
#[derive(Debug)]
pub struct World {
    pub metadata: Metadata,
    pub clients: Clients,
    pub coverage: Coverage,
    /// What happened, a line each, if it is kept.
    pub trace: Option<Vec<String>>,
    nodes: Vec<Node>,
    network: Network,
    truth: Truth,
    profile: Profile,
    chance: Chance,
    planted: Option<Planted>,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    nonce: u64,
    calm: bool,
    /// What does not hold.
    wrong: Option<String>,
}

struct Alive<'a>(&'a [Node]);

impl Nodes for Alive<'_> {
    fn alive(&self, node: NodeId) -> Option<u64> {
        let node = &self.0[usize::try_from(node.0 - 1).ok()?];
        (node.replica.is_some() && node.silent_since.is_none()).then_some(node.boot)
    }
}

/// One schedule. Says what does not hold, or nothing.
pub fn run(seed: u64, planted: Option<Planted>, traced: bool) -> (World, Result<(), String>) {
    let mut world = World::new(seed, planted, traced);
    let result = world.run();
    (world, result)
}

impl World {
    fn new(seed: u64, planted: Option<Planted>, traced: bool) -> World {
        let mut chance = Chance::new(seed);
        let profile = Profile::draw(&mut chance);
        let node = |id| Node {
            replica: None,
            disk: Disk::new(planted),
            id,
            boot: 0,
            opening: 0,
            paused: false,
            missed: Vec::new(),
            silent_since: None,
            plan: None,
            shown: marks_go_on::Shown::default(),
            tick: None,
            led: Epoch(0),
            doomed: false,
        };
        let replicas = (1..=profile.replicas).map(NodeId).collect();
        World {
            metadata: Metadata::new(replicas, planted == Some(Planted::NoJointSet)),
            clients: Clients::new(profile.publishers, profile.batches, profile.seals),
            coverage: Coverage::default(),
            trace: traced.then(Vec::new),
            nodes: (1..=profile.nodes).map(node).collect(),
            network: Network::default(),
            truth: Truth::new(),
            profile,
            chance,
            planted,
            now: 0,
            events: BTreeMap::new(),
            order: 0,
            nonce: 0,
            calm: false,
            wrong: None,
        }
    }

    /// A node.
    pub fn node(&self, id: u64) -> &Node {
        &self.nodes[usize::try_from(id - 1).expect("an index")]
    }

    fn run(&mut self) -> Result<(), String> {
        for id in 1..=self.profile.nodes {
            self.at(0, Event::Start { node: id });
        }
        for publisher in 0..self.clients.publishers.len() {
            let at = self.chance.between(1, 30);
            self.at(at, Event::Publish { publisher });
        }
        self.at(30, Event::Detect);
        self.at(10, Event::Disturb);
        let until = self.profile.faults;
        self.go_on(until, false)?;
        self.stop_faults();
        self.go_on(until + SETTLES_WITHIN, true)?;
        self.coverage.count("schedules");
        self.coverage.add("appends committed", self.truth.end().0);
        self.coverage.add("set changes finished", self.metadata.finals);
        self.coverage.add("set changes: joint", self.metadata.joints);
        self.coverage.add("set changes taken back", self.metadata.restored);
        settles::check(self).map_err(|missing| format!("it does not settle: {missing}"))
    }

    fn go_on(&mut self, until: u64, until_well: bool) -> Result<(), String> {
        let mut looked = self.now;
        let mut events = 0;
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > until {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{at} {event:?}"));
            }
            self.happens(event);
            self.doom();
            events += 1;
            if events > MOST_EVENTS {
                return Err(format!("at {at} ms: {events} events, and no end"));
            }
            if let Some(wrong) = self.wrong.take() {
                return Err(format!("at {at} ms: {wrong}"));
            }
            if until_well && self.now >= looked + 20 {
                looked = self.now;
                if settles::check(self).is_ok() {
                    return self.last_look();
                }
            }
        }
        Ok(())
    }

    /// What every replica holds in the end is what was committed.
    fn last_look(&mut self) -> Result<(), String> {
        for node in &self.nodes {
            let Some(replica) = &node.replica else { continue };
            if self.metadata.row.members().contains(&NodeId(node.id)) {
                epochs_agree::check(&self.truth, replica.epochs(), replica.committed())?;
                for index in replica.epochs().base().index.0 + 1..=replica.committed().0 {
                    let there = node.disk.written().get(Index(index));
                    if there != self.truth.get(Index(index)) {
                        return Err(format!("node {} has {there:?} at {index} in the end", node.id));
                    }
                }
            }
        }
        Ok(())
    }

    fn stop_faults(&mut self) {
        self.calm = true;
        self.network.heal();
        for at in 0..self.nodes.len() {
            let id = self.nodes[at].id;
            self.at(1, Event::Resume { node: id });
            if self.nodes[at].replica.is_none() {
                self.at(2, Event::Start { node: id });
            }
        }
        self.at(5, Event::Heal);
    }

    fn at(&mut self, after: u64, event: Event) {
        self.order += 1;
        self.events.insert((self.now + after, self.order), event);
    }

    fn check(&mut self, result: Result<(), String>) {
        if let Err(wrong) = result {
            self.wrong.get_or_insert(wrong);
        }
    }

    fn happens(&mut self, event: Event) {
        if let Some(id) = event.node()
            && self.node(id).paused
            && !matches!(event, Event::Resume { .. } | Event::Start { .. })
        {
            return self.mut_node(id).missed.push(event);
        }
        match event {
            Event::Deliver { from, to, message } => self.deliver(from, to, message),
            Event::Synced { node, boot, opening } if self.lives(node, boot, opening) => self.synced(node),
            Event::Reads { node, boot, opening, read } if self.lives(node, boot, opening) => {
                let appends = self.node(node).disk.read(read.prev.index, read.last, read.appends);
                self.coverage.count("reads from disk");
                self.with(node, |replica, now| replica.read(now, read, appends));
            }
            Event::Tick { node, boot }
                if self.lives_in(node, boot) && self.node(node).tick.is_some_and(|at| at <= self.now) =>
            {
                self.mut_node(node).tick = None;
                self.with(node, Replica::tick);
            }
            Event::Plan { node, row } if self.node(node).replica.is_some() => self.planned(node, row),
            Event::Start { node } if self.node(node).replica.is_none() => self.start(node),
            Event::Resume { node } => self.resume(node),
            Event::Reopen { node, boot } if self.lives_in(node, boot) => self.reopen(node),
            Event::Propose { from, proposal } => {
                self.metadata.propose(NodeId(from), &proposal, &Alive(&self.nodes));
                self.announce();
            }
            Event::Publish { publisher } => self.publish(publisher),
            Event::Zombie { publisher, session, number } => self.rises(publisher, session, number),
            Event::GiveUp { publisher, id } if self.clients.publishers[publisher].waits == Some(id) => {
                self.clients.publishers[publisher].waits = None;
                self.publish(publisher);
            }
            Event::Detect => self.detect(),
            Event::Disturb => self.disturb(),
            Event::Heal => {
                self.network.heal();
                self.connect_all();
            }
            _ => {}
        }
    }

    fn lives_in(&self, node: u64, boot: u64) -> bool {
        self.node(node).replica.is_some() && self.node(node).boot == boot
    }

    fn lives(&self, node: u64, boot: u64, opening: u32) -> bool {
        self.lives_in(node, boot) && self.node(node).opening == opening
    }

    fn mut_node(&mut self, id: u64) -> &mut Node {
        &mut self.nodes[usize::try_from(id - 1).expect("an index")]
    }

    /// Something is done with a node's replica, and what it then wants is done.
    fn with(&mut self, id: u64, act: impl FnOnce(&mut Replica, Moment)) {
        let now = Moment(self.now);
        let Some(replica) = &mut self.mut_node(id).replica else { return };
        act(replica, now);
        self.drain(id);
    }
}

impl Event {
    /// The node that it happens to.
    fn node(&self) -> Option<u64> {
        match self {
            Event::Deliver { to: node, .. }
            | Event::Synced { node, .. }
            | Event::Reads { node, .. }
            | Event::Tick { node, .. }
            | Event::Plan { node, .. }
            | Event::Start { node }
            | Event::Resume { node }
            | Event::Reopen { node, .. } => Some(*node),
            _ => None,
        }
    }
}
