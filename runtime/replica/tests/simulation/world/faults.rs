//! What goes wrong, by chance and on purpose; and metadata, which notices it.

use dag_model::NodeId;

use super::{Alive, CHANGE_WITHIN, DEAD_AFTER, Event, World};
use crate::network::METADATA;
use crate::planted::Planted;

impl World {
    pub(super) fn detect(&mut self) {
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

    pub(super) fn strikes(&mut self, permille: u64) -> bool {
        !self.calm && self.chance.permille(permille)
    }

    /// One of many things, now and then.
    pub(super) fn disturb(&mut self) {
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
        if self.strikes(self.profile.reruns) {
            self.begin_anew();
        }
        self.wish();
    }

    pub(super) fn change(&mut self) {
        let size = self.chance.pick(&[1, 2, 3, 3, 3]).min(self.profile.nodes);
        let first = self.chance.below(self.profile.nodes);
        let mut wanted: Vec<NodeId> = (0..size).map(|by| NodeId((first + by) % self.profile.nodes + 1)).collect();
        wanted.sort_unstable();
        if self.metadata.change(wanted, self.now, &Alive(&self.nodes)) {
            self.coverage.count("set changes begun");
            self.announce();
        }
    }

    pub(super) fn resume(&mut self, id: u64) {
        self.mut_node(id).paused = false;
        for event in std::mem::take(&mut self.mut_node(id).missed) {
            self.at(0, event);
        }
    }

    /// Those whose end was decided meanwhile die, some of them with what they had.
    pub(super) fn doom(&mut self) {
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
    pub(super) fn may_lose(&self, id: u64) -> bool {
        let row = &self.metadata.row;
        let whole = |node: &NodeId| self.node(node.0).disk.is_whole();
        let is_changing = row.next.is_some() || !row.joining.is_empty();
        row.replicas.len() >= 3 && !is_changing && row.replicas.iter().all(|node| node.0 == id || whole(node))
    }
}
