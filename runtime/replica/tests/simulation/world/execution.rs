//! What a replica wants done is done, and watched.

use dag_model::StreamId;
use dag_replica::{Append, Command, Frame, Index, Message, Moment, Point, Replica, Standing, Write};

use super::{Event, LATE, Node, World};
use crate::invariants::{
    answered_when_committed, append_is_whole, batches_in_order, committed_is_durable, committed_stays, marks_go_on,
    one_content, one_leader, prefix_is_a_fold, said_is_durable,
};
use crate::network::METADATA;
use crate::planted::Planted;

impl World {
    pub(super) fn drain(&mut self, id: u64) {
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

    pub(super) fn count_election(&mut self, id: u64) {
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

    pub(super) fn execute(&mut self, id: u64, command: Command) {
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

    pub(super) fn write(&mut self, id: u64, number: u64, write: Write) {
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

    pub(super) fn begin_sync(&mut self, id: u64) {
        self.mut_node(id).disk.begin();
        let Node { boot, opening, .. } = *self.node(id);
        let takes = self.chance.between(1, self.profile.sync);
        self.at(takes, Event::Synced { node: id, boot, opening });
    }

    pub(super) fn appended(&mut self, id: u64, appends: &[Append]) {
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

    pub(super) fn send(&mut self, from: u64, to: u64, mut message: Message) {
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

    pub(super) fn last_with_records(&self, node: u64, end: Point) -> Point {
        let state = self.node(node).disk.synced();
        let records = (1..=end.index.0).rev().filter_map(|index| state.get(Index(index)));
        records
            .filter(|append| append.header.kind.has_records())
            .map(|append| append.header.point)
            .next()
            .unwrap_or(state.base())
    }

    /// A node shows all up to here.
    pub(super) fn committed(&mut self, id: u64, point: Point) {
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
                    let result = batches_in_order::committed(&mut self.truth, &append);
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
}
