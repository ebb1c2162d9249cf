//! A cluster of one stream: nodes with disks, a bus between them, metadata, clients, and the clock that moves only with events.

use std::collections::BTreeMap;
use std::time::Duration;

use dag_model::{NodeId, StreamId};
use dag_replica::{
    Answer, Append, Assignment, Batch, Body, Command, Epoch, Frame, Index, Kind, Limits, Message, Moment, Point,
    Proposal, Question, Read, Replica, Request, RequestId, Standing, Write,
};

use crate::chance::Chance;
use crate::clients::{Clients, Sent};
use crate::coverage::Coverage;
use crate::disk::Disk;
use crate::invariants::{
    Truth, answered_when_committed, append_is_whole, committed_is_durable, committed_stays, ends_are_current,
    epochs_agree, marks_go_on, one_content, one_leader, prefix_is_a_fold, said_is_durable, settles,
};
use crate::metadata::{Metadata, Nodes};
use crate::network::{METADATA, Network};
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
            clients: Clients::new(profile.publishers, profile.batches),
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

    fn drain(&mut self, id: u64) {
        while let Some(replica) = &mut self.mut_node(id).replica {
            let commands = replica.commands();
            if commands.is_empty() {
                break;
            }
            for command in commands {
                if let Some(trace) = &mut self.trace {
                    trace.push(format!("{} node {id}: {command:?}", self.now));
                }
                self.execute(id, command);
            }
        }
        self.count_election(id);
        let node = self.node(id);
        let deadline = node.replica.as_ref().and_then(Replica::deadline).map(|moment| moment.0.max(self.now + 1));
        if let Some(at) = deadline
            && node.tick.is_none_or(|known| at < known)
        {
            let boot = node.boot;
            self.mut_node(id).tick = Some(at);
            self.at(at - self.now, Event::Tick { node: id, boot });
        }
    }

    fn count_election(&mut self, id: u64) {
        let node = self.mut_node(id);
        let Some(replica) = &node.replica else { return };
        if let Standing::Leads(epoch) = replica.standing()
            && epoch > node.led
        {
            node.led = epoch;
            let is_settled = replica.epochs().end().epoch < epoch;
            self.coverage.count(if is_settled { "elections of settled streams" } else { "elections" });
        }
    }

    fn execute(&mut self, id: u64, command: Command) {
        match command {
            Command::Write { number, write } => self.write(id, number, write),
            Command::Send { to, message } => self.send(id, to.0, message),
            Command::Read(read) => {
                let Node { boot, opening, .. } = *self.node(id);
                self.at(1, Event::Reads { node: id, boot, opening, read });
            }
            Command::Commit(point) => self.committed(id, point),
            Command::Answer { id, answer } => self.answered(id, answer),
            Command::Propose(proposal) => {
                if self.network.lets(id, METADATA) {
                    let way = self.chance.between(1, 10);
                    self.at(way, Event::Propose { from: id, proposal });
                }
            }
            Command::Reopen => {
                let boot = self.node(id).boot;
                self.at(5, Event::Reopen { node: id, boot });
            }
            Command::Contradiction(found) => self.check(Err(format!("node {id}: {found}"))),
        }
    }

    fn write(&mut self, id: u64, number: u64, write: Write) {
        match &write {
            Write::Append(appends) => self.appended(id, appends),
            Write::Truncate(_) => self.coverage.count("truncations"),
            Write::Rebase(_) => self.coverage.count("new bases"),
            Write::Trim(_) => self.coverage.count("trims"),
            // Whoever reads here is told that the log is no longer.
            Write::Remove => self.mut_node(id).shown = marks_go_on::Shown::default(),
            _ => {}
        }
        let leads = matches!(self.node(id).replica.as_ref().map(Replica::standing), Some(Standing::Leads(_)));
        if leads && matches!(write, Write::Append(_)) && self.strikes(self.profile.crash_appended) {
            self.coverage.count("crashes right after an append");
            self.mut_node(id).doomed = true;
        }
        let is_row = matches!(write, Write::Row(_));
        let can_begin = self.mut_node(id).disk.write(number, write);
        let alone = can_begin && is_row;
        if can_begin {
            self.begin_sync(id);
        }
        let early = match self.planted {
            Some(Planted::AcknowledgedBeforeSync) => true,
            Some(Planted::PromisedBeforeSync) => alone,
            _ => false,
        };
        if early {
            let now = Moment(self.now);
            if let Some(replica) = &mut self.mut_node(id).replica {
                replica.done(now, number);
            }
        }
    }

    fn begin_sync(&mut self, id: u64) {
        self.mut_node(id).disk.begin();
        let Node { boot, opening, .. } = *self.node(id);
        let takes = self.chance.between(1, self.profile.sync);
        self.at(takes, Event::Synced { node: id, boot, opening });
    }

    fn appended(&mut self, id: u64, appends: &[Append]) {
        let leads = match self.node(id).replica.as_ref().map(Replica::standing) {
            Some(Standing::Leads(epoch)) => Some(epoch),
            _ => None,
        };
        let mut prev = self.node(id).disk.written().end();
        for append in appends {
            self.coverage.count("appends written");
            let result = one_content::check(&mut self.truth, prev, append);
            self.check(result);
            if leads == Some(append.epoch()) {
                let boot = self.node(id).boot;
                let result = one_leader::check(&mut self.truth, append.epoch(), id, boot);
                self.check(result);
            }
            prev = append.header.point;
        }
    }

    fn send(&mut self, from: u64, to: u64, mut message: Message) {
        if self.planted != Some(Planted::AcknowledgedBeforeSync) || matches!(message, Message::Ack { .. }) {
            let result = said_is_durable::check(self.node(from).disk.synced(), &message);
            self.check(result.map_err(|wrong| format!("node {from}: {wrong}")));
        }
        if let Message::Promise { end, .. } = &mut message {
            self.coverage.count("promises");
            if self.strikes(self.profile.crash_promised) {
                self.coverage.count("crashes right after a promise");
                self.mut_node(from).doomed = true;
            }
            if self.planted == Some(Planted::EndAsSequence) {
                *end = self.last_with_records(from, *end);
            }
        }
        if matches!(&message, Message::Append { appends, .. } if !appends.is_empty())
            && self.strikes(self.profile.crash_unsynced)
        {
            self.coverage.count("crashes between sending and sync");
            self.mut_node(from).doomed = true;
        }
        if matches!(message, Message::Apart { .. }) {
            self.coverage.count("logs that part");
        }
        if !self.calm && self.chance.permille(self.profile.dropped) {
            return self.coverage.count("messages dropped");
        }
        if !self.network.lets(from, to) {
            return self.coverage.count("messages into a partition");
        }
        if self.profile.encoded {
            let frame = Frame(vec![(StreamId(1), message.clone())]);
            let again = frame.encode().and_then(|bytes| Frame::decode(&bytes));
            let same = again.as_ref() == Ok(&frame);
            self.check(if same { Ok(()) } else { Err(format!("{message:?} comes back as {again:?}")) });
        }
        if !self.calm && self.chance.permille(self.profile.doubled) {
            self.coverage.count("messages doubled");
            let way = self.chance.between(1, self.profile.way * 3);
            self.at(way, Event::Deliver { from, to, message: message.clone() });
        }
        let is_late = !self.calm && self.chance.permille(self.profile.late);
        let way = self.chance.between(1, if is_late { LATE } else { self.profile.way });
        if is_late {
            self.coverage.count("messages late");
        }
        self.at(way, Event::Deliver { from, to, message });
    }

    fn last_with_records(&self, node: u64, end: Point) -> Point {
        let state = self.node(node).disk.synced();
        let records = (1..=end.index.0).rev().filter_map(|index| state.get(Index(index)));
        records
            .filter(|append| append.header.kind.has_records())
            .map(|append| append.header.point)
            .next()
            .unwrap_or(state.base())
    }

    fn deliver(&mut self, from: u64, to: u64, mut message: Message) {
        if self.node(to).replica.is_none() {
            return;
        }
        self.alter(to, &mut message);
        self.coverage.count("messages");
        let is_ack = matches!(message, Message::Ack { .. });
        self.with(to, |replica, now| replica.receive(now, NodeId(from), message));
        if is_ack && self.planted == Some(Planted::CommittedByCount) {
            self.commit_by_count(to);
        }
    }

    /// The bugs that are planted in what comes.
    fn alter(&mut self, to: u64, message: &mut Message) {
        let Some(replica) = &self.node(to).replica else { return };
        let promised = replica.row().promised;
        let leads = if let Standing::Leads(epoch) = replica.standing() { Some(epoch) } else { None };
        match (self.planted, message) {
            (Some(Planted::AcknowledgedWithoutEpoch | Planted::EpochUnchecked), Message::Ack { epoch, .. }) => {
                *epoch = leads.unwrap_or(*epoch);
            }
            (Some(Planted::EpochUnchecked), Message::Append { epoch, .. }) if leads.is_none() => {
                *epoch = promised.max(*epoch)
            }
            (Some(Planted::CatchUpEndsEarly), Message::Append { target: Some((_, target)), .. }) => *target = Index(0),
            (Some(Planted::CommittedBeyondVerified), Message::Append { committed, .. }) if leads.is_none() => {
                let end = replica.epochs().end().index;
                let point = replica.epochs().point(end.min(*committed));
                if let Some(point) = point {
                    self.committed(to, point);
                }
            }
            _ => {}
        }
    }

    fn commit_by_count(&mut self, id: u64) {
        let node = self.node(id);
        let (Some(replica), Some(plan)) = (&node.replica, &node.plan) else { return };
        let Standing::Leads(_) = replica.standing() else { return };
        let follows = replica.followers();
        let reached = plan.reached(|of| match follows.iter().find(|one| one.node == of) {
            Some(one) if one.whole => one.durable,
            Some(_) => Index(0),
            None => replica.durable(),
        });
        if reached > replica.committed()
            && let Some(point) = replica.epochs().point(reached)
        {
            self.committed(id, point);
        }
    }

    /// A node shows all up to here.
    fn committed(&mut self, id: u64, point: Point) {
        let before = self.node(id).shown.committed;
        let replica = self.node(id).replica.as_ref().expect("it is up");
        let leads = if let Standing::Leads(epoch) = replica.standing() { Some(epoch) } else { None };
        let from = before.min(point.index).0 + 1;
        let mut is_first = false;
        for index in from..=point.index.0 {
            let Some(append) = self.node(id).disk.written().get(Index(index)).cloned() else { continue };
            let result = append_is_whole::check(&self.truth, &append);
            self.check(result);
            match committed_stays::check(&mut self.truth, &append, leads.is_some()) {
                Ok(true) => {
                    is_first = true;
                    let result = answered_when_committed::committed(&mut self.truth, &append);
                    self.check(result);
                }
                Ok(false) => {}
                Err(wrong) => self.check(Err(format!("node {id}: {wrong}"))),
            }
        }
        if let Some(epoch) = leads
            && is_first
            && let Some(plan) = &self.node(id).plan
        {
            let result =
                committed_is_durable::check(plan, &self.metadata.row, epoch, point, |node| &self.node(node.0).disk);
            self.check(result.map_err(|wrong| format!("node {id}: {wrong}")));
        }
        let replica = self.node(id).replica.as_ref().expect("it is up");
        let (committed, prefix) = (replica.committed(), replica.shown().clone());
        let result = prefix_is_a_fold::check(&mut self.truth, &prefix);
        self.check(result.map_err(|wrong| format!("node {id}: {wrong}")));
        let result = marks_go_on::check(&mut self.mut_node(id).shown, committed, &prefix);
        self.check(result.map_err(|wrong| format!("node {id}: {wrong}")));
    }

    fn synced(&mut self, id: u64) {
        if !self.calm && self.strikes(self.profile.failed) && self.may_fail(id) {
            return self.fail(id);
        }
        if let Some((number, more)) = self.mut_node(id).disk.end() {
            if more {
                self.begin_sync(id);
            }
            self.with(id, |replica, now| replica.done(now, number));
        }
    }

    fn fail(&mut self, id: u64) {
        self.coverage.count("failed writes");
        let World { nodes, chance, .. } = self;
        let node = &mut nodes[usize::try_from(id - 1).expect("an index")];
        node.disk.fail(chance);
        node.opening += 1;
        if self.planted == Some(Planted::MendedInEpoch) {
            // It goes on as if it had just started, and keeps its office.
            let plan = self.node(id).plan.clone();
            let Node { boot, .. } = *self.node(id);
            self.open(id, boot);
            if let Some(plan) = plan {
                self.planned(id, plan);
            }
            return;
        }
        self.with(id, Replica::failed);
    }

    fn may_fail(&self, id: u64) -> bool {
        self.node(id).replica.as_ref().is_some_and(|replica| replica.standing() != Standing::Broken)
    }

    fn reopen(&mut self, id: u64) {
        self.mut_node(id).shown = marks_go_on::Shown::default();
        let opened = self.node(id).disk.open();
        self.with(id, |replica, now| replica.reopen(now, opened));
    }

    fn open(&mut self, id: u64, boot: u64) {
        let recent_bytes = self.profile.recent;
        let limits = Limits {
            recent_bytes,
            message_appends: 3,
            in_flight: 6,
            checkpoint: 5,
            retry: Duration::from_millis(40),
            retry_most: Duration::from_millis(400),
            stand: Duration::from_millis(300),
            ..Limits::default()
        };
        let opened = self.node(id).disk.open();
        let node = self.mut_node(id);
        node.replica = Some(Replica::open(NodeId(id), boot, limits, opened));
        (node.shown, node.tick) = (marks_go_on::Shown::default(), None);
        self.drain(id);
    }

    fn start(&mut self, id: u64) {
        let node = self.mut_node(id);
        node.boot += 1;
        (node.opening, node.paused, node.silent_since) = (0, false, None);
        node.missed.clear();
        let boot = node.boot;
        self.coverage.count("starts");
        self.open(id, boot);
        // What its former start led ends (C3).
        let led = self.metadata.row.leader == NodeId(id) && self.metadata.row.boot != boot;
        if led && self.planted != Some(Planted::ResumedEpoch) {
            if self.chance.permille(500) {
                self.metadata.again(boot);
            } else {
                self.metadata.elect(&Alive(&self.nodes));
            }
        }
        self.announce();
        for other in 1..=self.profile.nodes {
            self.with(other, |replica, now| replica.connected(now, NodeId(id)));
        }
    }

    fn connect_all(&mut self) {
        for one in 1..=self.profile.nodes {
            for other in 1..=self.profile.nodes {
                self.with(one, |replica, now| replica.connected(now, NodeId(other)));
            }
        }
        self.announce();
    }

    /// The plan goes to whoever metadata reaches.
    fn announce(&mut self) {
        for id in 1..=self.profile.nodes {
            let is_known = self.node(id).plan.as_ref().is_some_and(|plan| plan.revision >= self.metadata.row.revision);
            if self.node(id).replica.is_some() && !is_known && self.network.lets(METADATA, id) {
                let way =
                    if self.chance.permille(100) { self.chance.between(20, 200) } else { self.chance.between(1, 10) };
                let row = self.metadata.row.clone();
                self.at(way, Event::Plan { node: id, row });
            }
        }
    }

    fn planned(&mut self, id: u64, mut row: Assignment) {
        if self.planted == Some(Planted::ResumedEpoch) && row.leader == NodeId(id) {
            row.boot = self.node(id).boot;
        }
        let is_newer = self.node(id).plan.as_ref().is_none_or(|known| known.epoch < row.epoch);
        let follows = matches!(self.node(id).replica.as_ref().map(Replica::standing), Some(Standing::Follows(_)));
        if self.planted == Some(Planted::TruncatedToCommitted) && is_newer && follows && row.leader != NodeId(id) {
            self.cut_to_committed(id);
        }
        let node = self.mut_node(id);
        if node.plan.as_ref().is_none_or(|known| known.revision <= row.revision) {
            node.plan = Some(row.clone());
        }
        self.with(id, |replica, now| replica.assign(now, row));
    }

    fn cut_to_committed(&mut self, id: u64) {
        let committed = self.node(id).replica.as_ref().map_or(Index(0), Replica::committed);
        let World { nodes, chance, .. } = self;
        let node = &mut nodes[usize::try_from(id - 1).expect("an index")];
        node.disk.crash(chance);
        node.disk.cut(committed);
        node.opening += 1;
        node.shown = marks_go_on::Shown::default();
        let opened = node.disk.open();
        self.with(id, |replica, now| replica.reopen(now, opened));
    }

    fn publish(&mut self, at: usize) {
        let publisher = &self.clients.publishers[at];
        if publisher.waits.is_some() || publisher.next > publisher.last {
            return;
        }
        let (name, number) = (publisher.name.clone(), publisher.next);
        let batch = Batch { publisher: name, session: 1, number };
        let id = self.clients.send(Sent::Batch { publisher: at, number });
        self.clients.publishers[at].waits = Some(id);
        let patience = self.chance.between(100, 600);
        self.at(patience, Event::GiveUp { publisher: at, id });
        let to = self.whom();
        if self.planted == Some(Planted::RepeatAnsweredEarly) {
            let written =
                self.node(to).replica.as_ref().and_then(|replica| replica.written().publishers.get(&batch.publisher));
            let leads = matches!(self.node(to).replica.as_ref().map(Replica::standing), Some(Standing::Leads(_)));
            if leads && written.is_some_and(|known| known.last >= number) {
                return self.answered(id, Answer::Repeat);
            }
        }
        let request = Request { kind: Kind::Records(Some(batch)), body: self.body() };
        self.ask(to, id, |replica, now| replica.request(now, id, request));
    }

    /// Whom a client asks: who leads as far as metadata knows, or anybody.
    fn whom(&mut self) -> u64 {
        if self.chance.permille(150) { self.chance.between(1, self.profile.nodes) } else { self.metadata.row.leader.0 }
    }

    fn ask(&mut self, to: u64, id: RequestId, act: impl FnOnce(&mut Replica, Moment)) {
        if self.node(to).replica.is_some() && !self.node(to).paused {
            self.with(to, act);
        } else {
            self.answered(id, Answer::NotLeader);
        }
    }

    fn body(&mut self) -> Body {
        self.nonce += 1;
        let parts = [self.nonce.to_le_bytes(), self.chance.any().to_le_bytes()].concat();
        Body(parts.into())
    }

    fn answered(&mut self, id: RequestId, answer: Answer) {
        let Some(sent) = self.clients.sent.remove(&id) else { return };
        if let Answer::Committed(point) = answer {
            self.clients.acknowledged = self.clients.acknowledged.max(point.index);
        }
        match (sent, answer) {
            (Sent::Batch { publisher, number }, answer @ (Answer::Committed(_) | Answer::Repeat)) => {
                if answer == Answer::Repeat {
                    self.coverage.count("repeats");
                }
                let result =
                    answered_when_committed::answered(&self.truth, &self.clients.publishers[publisher].name, number);
                self.check(result);
                let one = &mut self.clients.publishers[publisher];
                if one.next == number {
                    (one.next, one.waits) = (number + 1, None);
                    let pause = self.chance.between(1, 120);
                    self.at(pause, Event::Publish { publisher });
                }
            }
            (Sent::Batch { number, .. }, Answer::Refused(refusal)) => {
                self.check(Err(format!("batch {number} is refused: {refusal}")));
            }
            (Sent::Batch { publisher, .. }, _) if self.clients.publishers[publisher].waits == Some(id) => {
                self.clients.publishers[publisher].waits = None;
                let pause = self.chance.between(10, 60);
                self.at(pause, Event::Publish { publisher });
            }
            (Sent::End { acknowledged }, Answer::End(point)) => {
                self.coverage.count("ends told");
                self.check(ends_are_current::end(point.index, acknowledged));
            }
            (Sent::Last { acknowledged, .. }, Answer::Publisher(known)) => {
                self.coverage.count("publishers' numbers told");
                self.check(ends_are_current::last(known.map_or(0, |known| known.last), acknowledged));
            }
            _ => {}
        }
    }

    fn detect(&mut self) {
        self.at(30, Event::Detect);
        for at in 0..self.nodes.len() {
            let node = &self.nodes[at];
            let is_heard = node.replica.is_some() && !node.paused && self.network.lets(node.id, METADATA);
            let since = node.silent_since.unwrap_or(self.now);
            self.nodes[at].silent_since = if is_heard { None } else { Some(since) };
        }
        let leader = &self.nodes[usize::try_from(self.metadata.row.leader.0 - 1).expect("an index")];
        let is_dead = leader.silent_since.is_some_and(|since| self.now >= since + DEAD_AFTER);
        let is_another = leader.replica.is_some()
            && leader.boot != self.metadata.row.boot
            && self.planted != Some(Planted::ResumedEpoch);
        if is_dead || is_another {
            self.metadata.elect(&Alive(&self.nodes));
        }
        if self.metadata.wanted.is_some() && self.now >= self.metadata.since + CHANGE_WITHIN {
            self.metadata.restore(&Alive(&self.nodes));
        }
        self.announce();
    }

    fn strikes(&mut self, permille: u64) -> bool {
        !self.calm && self.chance.permille(permille)
    }

    /// One of many things, now and then.
    fn disturb(&mut self) {
        if self.calm {
            return;
        }
        self.at(10, Event::Disturb);
        let id = self.chance.between(1, self.profile.nodes);
        if self.strikes(self.profile.crash) {
            self.coverage.count("crashes at any time");
            self.mut_node(id).doomed = true;
        }
        if self.strikes(self.profile.partition) {
            let one_way = self.chance.permille(self.profile.one_way);
            self.coverage.count(if one_way { "partitions of one way" } else { "partitions" });
            let World { network, chance, profile, .. } = self;
            network.part(chance, profile.nodes, one_way);
            let lasts = self.chance.between(30, 500);
            self.at(lasts, Event::Heal);
        }
        if self.strikes(self.profile.pause) && self.node(id).replica.is_some() {
            self.coverage.count("pauses");
            self.mut_node(id).paused = true;
            let lasts = self.chance.between(30, 600);
            self.at(lasts, Event::Resume { node: id });
        }
        if self.strikes(self.profile.suspected) {
            self.coverage.count("leaders taken for dead");
            self.metadata.elect(&Alive(&self.nodes));
            self.announce();
        }
        if self.strikes(self.profile.changes) {
            self.change();
        }
        if self.strikes(self.profile.marks) {
            self.coverage.count("switches that want a mark");
            self.metadata.row.mark += 1;
            self.metadata.row.revision += 1;
            self.announce();
        }
        self.wish();
    }

    fn change(&mut self) {
        let size = self.chance.pick(&[1, 2, 3, 3, 3]).min(self.profile.nodes);
        let first = self.chance.below(self.profile.nodes);
        let mut wanted: Vec<NodeId> = (0..size).map(|by| NodeId((first + by) % self.profile.nodes + 1)).collect();
        wanted.sort_unstable();
        if self.metadata.change(wanted, self.now, &Alive(&self.nodes)) {
            self.coverage.count("set changes begun");
            self.announce();
        }
    }

    /// What others than publishers want.
    fn wish(&mut self) {
        let to = self.whom();
        if self.strikes(self.profile.questions) {
            let acknowledged = self.clients.acknowledged;
            let id = self.clients.send(Sent::End { acknowledged });
            let replica = self.node(to).replica.as_ref();
            if self.planted == Some(Planted::UnconfirmedEnd)
                && let Some(replica) = replica
                && matches!(replica.standing(), Standing::Leads(_))
            {
                let end = replica.epochs().point(replica.committed()).unwrap_or_default();
                return self.answered(id, Answer::End(end));
            }
            self.ask(to, id, |replica, now| replica.question(now, id, Question::End));
        }
        if self.strikes(self.profile.questions / 2) {
            let publisher = 0;
            let (name, acknowledged) = (self.clients.publishers[0].name.clone(), self.clients.publishers[0].next - 1);
            let id = self.clients.send(Sent::Last { publisher, acknowledged });
            self.ask(to, id, |replica, now| replica.question(now, id, Question::Publisher(name)));
        }
        if self.strikes(self.profile.notes) {
            let id = self.clients.send(Sent::Note);
            let request = Request { kind: self.note(), body: self.body() };
            self.ask(to, id, |replica, now| replica.request(now, id, request));
        }
        if self.strikes(self.profile.trims) {
            let index = Index(self.chance.below(self.truth.end().0 + 1));
            let id = self.clients.send(Sent::Trim);
            let request = Request { kind: Kind::Trim(index), body: Body::default() };
            self.ask(to, id, |replica, now| replica.request(now, id, request));
        }
    }

    /// An entry without records: mostly none of a publisher's, else that one leaves after the last batch that it knows of.
    fn note(&mut self) -> Kind {
        let publisher = &self.clients.publishers[0];
        let batch = Batch { publisher: publisher.name.clone(), session: 1, number: publisher.next - 1 };
        if batch.number > 0 && self.chance.permille(250) { Kind::Leave(batch) } else { Kind::Note }
    }

    fn resume(&mut self, id: u64) {
        self.mut_node(id).paused = false;
        for event in std::mem::take(&mut self.mut_node(id).missed) {
            self.at(0, event);
        }
    }

    /// Those whose end was decided meanwhile die, some of them with what they had.
    fn doom(&mut self) {
        for at in 0..self.nodes.len() {
            if !std::mem::take(&mut self.nodes[at].doomed) || self.nodes[at].replica.is_none() {
                continue;
            }
            let id = self.nodes[at].id;
            self.coverage.count("crashes");
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{} node {id} crashes", self.now));
            }
            let may_lose = self.may_lose(id);
            let World { nodes, chance, profile, coverage, .. } = self;
            let node = &mut nodes[at];
            (node.replica, node.plan) = (None, None);
            node.missed.clear();
            node.disk.crash(chance);
            if may_lose && chance.permille(profile.lost) {
                coverage.count("logs lost");
                node.disk.lose();
            } else if may_lose && chance.permille(profile.damaged) && node.disk.damage(chance) {
                coverage.count("logs' ends lost");
            }
            let after = self.chance.pick(&[1, 5, 50, 400]);
            self.at(after, Event::Start { node: id });
        }
    }

    /// One replica at a time may lose what it has: of three, and while all the others are whole.
    fn may_lose(&self, id: u64) -> bool {
        let row = &self.metadata.row;
        let whole = |node: &NodeId| self.node(node.0).disk.is_whole();
        let is_changing = row.next.is_some() || !row.joining.is_empty();
        row.replicas.len() >= 3 && !is_changing && row.replicas.iter().all(|node| node.0 == id || whole(node))
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
