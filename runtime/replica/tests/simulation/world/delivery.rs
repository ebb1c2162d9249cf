//! What comes to a node: messages, the ends of syncs, the plan, its starts; with the bugs that are planted on the way.

use std::time::Duration;

use dag_model::NodeId;
use dag_replica::{Assignment, Index, Limits, Message, Replica, Standing};

use super::{Alive, Event, Node, World};
use crate::invariants::marks_go_on;
use crate::network::METADATA;
use crate::planted::Planted;

impl World {
    pub(super) fn deliver(&mut self, from: u64, to: u64, mut message: Message) {
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
    pub(super) fn alter(&mut self, to: u64, message: &mut Message) {
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

    pub(super) fn commit_by_count(&mut self, id: u64) {
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

    pub(super) fn synced(&mut self, id: u64) {
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

    pub(super) fn fail(&mut self, id: u64) {
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

    pub(super) fn may_fail(&self, id: u64) -> bool {
        self.node(id).replica.as_ref().is_some_and(|replica| replica.standing() != Standing::Broken)
    }

    pub(super) fn reopen(&mut self, id: u64) {
        self.mut_node(id).shown = marks_go_on::Shown::default();
        let opened = self.node(id).disk.open();
        self.with(id, |replica, now| replica.reopen(now, opened));
    }

    pub(super) fn open(&mut self, id: u64, boot: u64) {
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

    pub(super) fn start(&mut self, id: u64) {
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

    pub(super) fn connect_all(&mut self) {
        for one in 1..=self.profile.nodes {
            for other in 1..=self.profile.nodes {
                self.with(one, |replica, now| replica.connected(now, NodeId(other)));
            }
        }
        self.announce();
    }

    /// The plan goes to whoever metadata reaches.
    pub(super) fn announce(&mut self) {
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

    pub(super) fn planned(&mut self, id: u64, mut row: Assignment) {
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

    pub(super) fn cut_to_committed(&mut self, id: u64) {
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
}
