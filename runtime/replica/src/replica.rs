//! One replica of one stream: what comes from metadata, other replicas, the disk and whoever asks goes to the role that it has.

use std::collections::VecDeque;

use dag_model::NodeId;

use crate::append::Append;
use crate::candidate::Candidate;
use crate::command::{Answer, Command, Proposal, Purpose, Question, Read, Request, RequestId};
use crate::disk::{Opened, Row};
use crate::epochs::Epochs;
use crate::follower::{Follower, Offer};
use crate::history::History;
use crate::landing::Contradiction;
use crate::leader::Leader;
use crate::limits::Limits;
use crate::local::Local;
use crate::message::Message;
use crate::point::{Epoch, Index, Life, Moment, Point};
use crate::prefix::Prefix;
use crate::progress::{Ack, Apart};
use crate::questions::Asked;
use crate::set::Assignment;
use crate::voter::Voter;

/// One replica of one stream.
#[derive(Debug)]
pub struct Replica {
    local: Local,
    role: Role,
    /// The last epoch in which it stood or led and will not again: it failed or was deposed (5).
    over: Epoch,
    /// What it does for others that are to lead.
    voter: Voter,
    /// What came to a candidate, for the time when it leads.
    waiting: VecDeque<(RequestId, Asked)>,
    /// When it says again to metadata what it wants as no leader.
    propose: Option<Moment>,
}

/// What a replica does at a time.
#[derive(Debug)]
enum Role {
    Follower(Follower),
    Candidate(Candidate),
    Leader(Box<Leader>),
    /// A write failed, or a contradiction was found: nothing goes on before it is opened again.
    Broken,
}

/// How a replica stands, for whoever looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It follows this node, once it has heard of it.
    Follows(Option<NodeId>),
    /// It asks for promises of this epoch.
    Stands(Epoch),
    /// It leads in this epoch.
    Leads(Epoch),
    /// It does nothing before it is opened again.
    Broken,
}

/// How far another replica is, as the leader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follows {
    /// Which node.
    pub node: NodeId,
    /// Up to here it has what the leader has, durably.
    pub durable: Index,
    /// Whether it counts.
    pub whole: bool,
}

impl Replica {
    /// Of what lies on disk, in this start of the process: once in each, after that it is [`Replica::reopen`]ed.
    pub fn open(node: NodeId, boot: u64, limits: Limits, opened: Opened) -> Replica {
        let mut out = Vec::new();
        let history = History::open(opened, &mut out);
        let life = Life { boot, opening: 0 };
        Replica {
            local: Local { node, life, limits, history, plan: None, out },
            role: Role::Follower(Follower::new()),
            over: Epoch(0),
            voter: Voter::default(),
            waiting: VecDeque::new(),
            propose: None,
        }
    }

    /// The log was opened again after a write had failed. Writes of before are done or failed no more.
    pub fn reopen(&mut self, now: Moment, opened: Opened) {
        let promised = self.local.promised();
        self.local.life.opening += 1;
        self.local.history = History::open(opened, &mut self.local.out);
        self.role = Role::Follower(Follower::new());
        self.voter = Voter::default();
        if self.local.history.is_there() {
            self.local.promise(promised);
        }
        self.consider(now);
    }

    /// The plan has this row of the stream. An older one than is known changes nothing.
    pub fn assign(&mut self, now: Moment, plan: Assignment) {
        if self.local.plan.as_ref().is_some_and(|known| known.revision >= plan.revision) {
            return;
        }
        let epoch = plan.epoch;
        let is_member = plan.members().contains(&self.local.node);
        self.local.plan = Some(plan);
        self.propose = None;
        if self.epoch_of_role().is_some_and(|own| own < epoch) || !is_member {
            self.step_down();
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.planned(&mut self.local, now);
        }
        self.consider(now);
    }

    /// Another replica says something. What it cannot mean is passed over.
    pub fn receive(&mut self, now: Moment, from: NodeId, message: Message) {
        if matches!(self.role, Role::Broken) || self.local.history.kept().is_none() || !is_sound(&message) {
            return;
        }
        if let Err(contradiction) = self.handle(now, from, message) {
            self.step_down();
            self.role = Role::Broken;
            self.local.out.push(Command::Contradiction(contradiction));
        }
        self.consider(now);
    }

    /// Something is to be appended: the answer comes as a command.
    pub fn request(&mut self, now: Moment, id: RequestId, request: Request) {
        match &mut self.role {
            Role::Leader(leader) => leader.request(&mut self.local, id, request, now),
            _ => self.keep(id, Asked::Request(request)),
        }
    }

    /// Something is asked: the answer comes as a command.
    pub fn question(&mut self, now: Moment, id: RequestId, question: Question) {
        match &mut self.role {
            Role::Leader(leader) => leader.question(&mut self.local, id, question, now),
            _ => self.keep(id, Asked::Question(question)),
        }
    }

    /// All writes up to this one are durable.
    pub fn done(&mut self, now: Moment, number: u64) {
        if matches!(self.role, Role::Broken) {
            return;
        }
        self.local.history.done(number);
        match &mut self.role {
            Role::Follower(follower) => follower.done(&mut self.local),
            Role::Leader(leader) => leader.advance(&mut self.local, now),
            Role::Candidate(_) | Role::Broken => {}
        }
        self.consider(now);
    }

    /// A write failed. What is on disk is known only once it is read again, and a leader never goes on in its epoch (5).
    pub fn failed(&mut self, now: Moment) {
        self.step_down();
        self.role = Role::Broken;
        self.voter = Voter::default();
        self.local.out.push(Command::Reopen);
        self.consider(now);
    }

    /// What was to be read was read; nothing where it could not be.
    pub fn read(&mut self, now: Moment, read: Read, appends: Vec<Append>) {
        match (&mut self.role, read.purpose) {
            (Role::Leader(leader), Purpose::Feed) if leader.epoch() == read.epoch => {
                leader.read(&mut self.local, read.to, read.prev, appends, now);
            }
            (_, Purpose::Feed) => {}
            (_, Purpose::Give) => self.voter.read(&mut self.local, read, appends),
        }
    }

    /// There is a connection to a node: what was sent to it before may not have come.
    pub fn connected(&mut self, now: Moment, node: NodeId) {
        match &mut self.role {
            Role::Leader(leader) => leader.connected(&mut self.local, node, now),
            Role::Candidate(candidate) => candidate.connected(&mut self.local, now),
            Role::Follower(_) | Role::Broken => {}
        }
    }

    /// It is `now`: to be called at [`deadline`](Replica::deadline), or later.
    pub fn tick(&mut self, now: Moment) {
        match &mut self.role {
            Role::Candidate(candidate) => candidate.tick(&mut self.local, now),
            Role::Leader(leader) => leader.advance(&mut self.local, now),
            Role::Follower(_) | Role::Broken => {}
        }
        self.consider(now);
    }

    /// When it wants a tick; never while nothing is outstanding.
    pub fn deadline(&self) -> Option<Moment> {
        let of_role = match &self.role {
            Role::Candidate(candidate) => Some(candidate.deadline()),
            Role::Leader(leader) => leader.deadline(&self.local),
            Role::Follower(_) | Role::Broken => None,
        };
        of_role.into_iter().chain(self.propose).min()
    }

    /// What is to be done, in order.
    pub fn commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.local.out)
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match &self.role {
            Role::Follower(follower) => Standing::Follows(follower.leader()),
            Role::Candidate(candidate) => Standing::Stands(candidate.epoch()),
            Role::Leader(leader) => Standing::Leads(leader.epoch()),
            Role::Broken => Standing::Broken,
        }
    }

    /// How far the others are; nothing unless it leads.
    pub fn followers(&self) -> Vec<Follows> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        let follows = leader.peers().iter();
        follows.map(|(node, peer)| Follows { node: *node, durable: peer.matched(), whole: peer.is_whole() }).collect()
    }

    /// What is promised, and whether it is whole.
    pub fn row(&self) -> Row {
        self.local.history.row()
    }

    /// Its epochs, and what it holds.
    pub fn epochs(&self) -> &Epochs {
        self.local.history.epochs()
    }

    /// Up to where the log is durable.
    pub fn durable(&self) -> Index {
        self.local.history.durable()
    }

    /// Up to where the log is committed, as far as is known here: may be shown.
    pub fn committed(&self) -> Index {
        self.local.history.committed()
    }

    /// What follows from the committed prefix.
    pub fn shown(&self) -> &Prefix {
        self.local.history.shown()
    }

    /// What follows from all that is written, committed or not: nothing of it may be told.
    pub fn written(&self) -> &Prefix {
        self.local.history.written()
    }

    /// Whether somebody waits for it to lead.
    pub fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn handle(&mut self, now: Moment, from: NodeId, message: Message) -> Result<(), Contradiction> {
        match message {
            Message::Ask { epoch } => self.asked_for(from, epoch),
            Message::Fetch { epoch, from: point } => self.give(from, epoch, point),
            Message::Promise { epoch, end, committed } => {
                if let Some(candidate) = self.candidate_of(epoch) {
                    candidate.0.promised(candidate.1, from, end, committed);
                }
            }
            Message::Tail { epoch, prev, appends } => {
                if let Some((candidate, local)) = self.candidate_of(epoch) {
                    candidate.tail(local, from, prev, appends)?;
                }
            }
            Message::Append { epoch, round, prev, appends, committed, target } => {
                if let Some((follower, local)) = self.follower_of(from, epoch) {
                    follower.offered(local, from, Offer { epoch, round, prev, appends, committed, target })?;
                }
            }
            Message::Base { epoch, round: 0, base } if self.candidate_of(epoch).is_some() => {
                if let Some((candidate, local)) = self.candidate_of(epoch) {
                    candidate.rebased(local, from, base);
                }
            }
            Message::Base { epoch, round, base } => {
                if let Some((follower, local)) = self.follower_of(from, epoch) {
                    follower.rebased(local, from, epoch, round, base);
                }
            }
            Message::Lost { epoch, life } => {
                if let Some((follower, local)) = self.follower_of(from, epoch) {
                    follower.lost(local, epoch, life);
                }
            }
            Message::Ack { epoch, life, round, durable, committed, whole } => {
                if let Some((leader, local)) = self.leader_of(epoch) {
                    leader.acknowledged(local, from, Ack { life, round, durable, committed, whole }, now);
                }
            }
            Message::Apart { epoch, life, hint, whole, .. } => {
                if let Some((leader, local)) = self.leader_of(epoch) {
                    leader.apart(local, from, Apart { life, hint, whole }, now);
                } else if let Some((candidate, local)) = self.candidate_of(epoch) {
                    candidate.apart(local, from, hint);
                }
            }
            Message::Refused { promised } => {
                if self.epoch_of_role().is_some_and(|epoch| epoch < promised) {
                    self.step_down();
                }
            }
        }
        Ok(())
    }

    /// A candidate asks for a promise. Only a whole replica gives one (2).
    fn asked_for(&mut self, from: NodeId, epoch: Epoch) {
        if epoch < self.local.promised() {
            return self.refuse(from);
        }
        if self.local.is_whole() && self.epoch_of_role() != Some(epoch) {
            self.step_down();
            self.voter.asked(&mut self.local, from, epoch);
        }
    }

    /// A candidate wants what it lacks of whoever promised it.
    fn give(&mut self, to: NodeId, epoch: Epoch, from: Point) {
        let local = &mut self.local;
        if epoch < local.promised() {
            return self.refuse(to);
        }
        let is_promised = epoch == local.promised() && local.history.has_promised(epoch);
        if is_promised && local.is_whole() && self.epoch_of_role() != Some(epoch) {
            self.voter.give(&mut self.local, to, epoch, from);
        }
    }

    fn refuse(&mut self, to: NodeId) {
        let promised = self.local.promised();
        self.local.send(to, Message::Refused { promised });
    }

    /// The follower of a leader's epoch, unless that epoch is over.
    fn follower_of(&mut self, from: NodeId, epoch: Epoch) -> Option<(&mut Follower, &mut Local)> {
        if epoch < self.local.promised() {
            self.refuse(from);
            return None;
        }
        if self.epoch_of_role().is_some_and(|own| own < epoch) {
            self.step_down();
        }
        match &mut self.role {
            Role::Follower(follower) => Some((follower, &mut self.local)),
            _ => None,
        }
    }

    fn candidate_of(&mut self, of: Epoch) -> Option<(&mut Candidate, &mut Local)> {
        match &mut self.role {
            Role::Candidate(candidate) if candidate.epoch() == of => Some((candidate, &mut self.local)),
            _ => None,
        }
    }

    fn leader_of(&mut self, of: Epoch) -> Option<(&mut Leader, &mut Local)> {
        match &mut self.role {
            Role::Leader(leader) if leader.epoch() == of => Some((leader, &mut self.local)),
            _ => None,
        }
    }

    fn epoch_of_role(&self) -> Option<Epoch> {
        match &self.role {
            Role::Candidate(candidate) => Some(candidate.epoch()),
            Role::Leader(leader) => Some(leader.epoch()),
            Role::Follower(_) | Role::Broken => None,
        }
    }

    /// It neither stands nor leads any more, and will not in that epoch again.
    fn step_down(&mut self) {
        let Some(epoch) = self.epoch_of_role() else { return };
        self.over = self.over.max(epoch);
        if let Role::Leader(leader) = std::mem::replace(&mut self.role, Role::Follower(Follower::new())) {
            leader.leave(&mut self.local);
        }
        for (id, _) in std::mem::take(&mut self.waiting) {
            self.local.answer(id, Answer::NotLeader);
        }
    }

    /// What follows from all that is known: a promise that is durable is given, a log that is missing is made, a candidate stands or leads.
    fn consider(&mut self, now: Moment) {
        self.keep_log();
        self.voter.give_promise(&mut self.local);
        self.stand(now);
        if let Role::Candidate(candidate) = &self.role
            && let Some(elected) = candidate.elected(&mut self.local)
        {
            let mut leader = Box::new(Leader::begin(&mut self.local, elected, now));
            for (id, asked) in std::mem::take(&mut self.waiting) {
                match asked {
                    Asked::Request(request) => leader.request(&mut self.local, id, request, now),
                    Asked::Question(question) => leader.question(&mut self.local, id, question, now),
                }
            }
            self.role = Role::Leader(leader);
        }
        self.wants(now);
    }

    /// A log that is not kept here any more is removed, and one that is to be here and never was is made. Where the stream takes records
    /// already, it does not count before it is filled (C8).
    fn keep_log(&mut self) {
        let Some(plan) = &self.local.plan else { return };
        let (is_member, is_there) = (plan.members().contains(&self.local.node), self.local.history.is_there());
        if matches!(self.role, Role::Broken) || is_member == is_there {
            return;
        }
        if is_there {
            self.voter = Voter::default();
            self.role = Role::Follower(Follower::new());
            // What it said of this log it does not say of one that is made anew.
            self.local.life.opening += 1;
            return self.local.history.remove(&mut self.local.out);
        }
        let is_late = plan.is_open() && !plan.made.contains(&self.local.node);
        let row = Row { promised: plan.epoch, whole: plan.counts(self.local.node) && !is_late };
        self.local.history.make(row, &mut self.local.out);
    }

    /// Stands where the plan wants this start of this process to lead, unless it has led or stood in that epoch before (C3, 5).
    fn stand(&mut self, now: Moment) {
        let Some(plan) = &self.local.plan else { return };
        let epoch = plan.epoch;
        let is_free = matches!(self.role, Role::Follower(_)) && epoch > self.over;
        if self.is_wanted() && is_free && self.local.is_whole() && epoch >= self.local.promised() {
            self.voter = Voter::default();
            self.role = Role::Candidate(Candidate::stand(&mut self.local, epoch, now));
        }
    }

    /// Whether the plan has it that this start of this process leads.
    fn is_wanted(&self) -> bool {
        let Local { plan, node, life, .. } = &self.local;
        plan.as_ref().is_some_and(|plan| plan.leader == *node && plan.boot == life.boot)
    }

    /// What it wants of metadata as no leader: to be known to have made its log, or that another leads.
    fn wants(&mut self, now: Moment) {
        if self.propose.is_some_and(|again| now < again) {
            return;
        }
        let Some(plan) = &self.local.plan else { return };
        let is_idle = matches!(self.role, Role::Follower(_) | Role::Broken);
        let is_unknown = self.local.is_whole() && !plan.made.contains(&self.local.node);
        let is_whole_yet = self.local.history.row().whole && !self.local.is_whole();
        let wanted = match plan.epoch {
            epoch if self.is_wanted() && is_idle && epoch <= self.over => Some(Proposal::Resign(epoch)),
            epoch if self.is_wanted() && is_idle && !is_whole_yet => Some(Proposal::Unpromised(epoch)),
            _ if is_unknown && plan.members().contains(&self.local.node) => Some(Proposal::Made),
            _ => None,
        };
        self.propose = wanted.as_ref().map(|_| now + self.local.limits.retry);
        if let Some(proposal) = wanted {
            self.local.propose(proposal);
        }
    }

    fn keep(&mut self, id: RequestId, asked: Asked) {
        let is_full = self.waiting.len() >= self.local.limits.waiting;
        match self.role {
            Role::Candidate(_) if is_full => self.local.answer(id, Answer::Full),
            Role::Candidate(_) => self.waiting.push_back((id, asked)),
            _ => self.local.answer(id, Answer::NotLeader),
        }
    }
}

/// Whether a message is one that a replica would send: its appends follow one another, and no epoch comes after the sender's.
fn is_sound(message: &Message) -> bool {
    let (epoch, prev) = match message {
        Message::Append { epoch, prev, .. } | Message::Tail { epoch, prev, .. } => (*epoch, *prev),
        Message::Base { epoch, base, .. } => {
            return base.point.epoch <= *epoch && base.checkpoint.at >= base.point.index;
        }
        _ => return true,
    };
    let mut last = prev;
    message.appends().iter().all(|append| {
        let point = append.header.point;
        let follows = point.index == last.index.next() && point.epoch >= last.epoch && point.epoch <= epoch;
        last = point;
        follows
    })
}
