//! A replica that is to lead: it asks for promises, fetches what it lacks from whoever promised and has most, and then leads (2).

use std::collections::BTreeMap;

use dag_model::NodeId;

use crate::append::Append;
use crate::command::Proposal;
use crate::disk::Base;
use crate::landing::{self, Contradiction};
use crate::local::Local;
use crate::message::Message;
use crate::point::{Epoch, Index, Moment, Point};

/// See the module.
#[derive(Debug)]
pub struct Candidate {
    epoch: Epoch,
    promises: BTreeMap<NodeId, Promised>,
    /// Of whom it fetches what follows which append. An answer to anything else is passed over, so that one that comes twice does nothing.
    fetching: Option<(NodeId, Point)>,
    /// When it asks again those who have not answered.
    again: Moment,
    /// When it says that it is not promised.
    until: Moment,
}

/// What a replica said with its promise.
#[derive(Clone, Copy, Debug)]
struct Promised {
    end: Point,
    committed: Index,
}

/// A candidate that can lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elected {
    /// Its epoch.
    pub epoch: Epoch,
    /// All who promised end where it ends, and that is committed: there is nothing to bring to an end before somebody wants something (M17).
    pub settled: bool,
}

impl Candidate {
    /// Stands for an epoch that the plan gave it.
    pub fn stand(local: &mut Local, epoch: Epoch, now: Moment) -> Candidate {
        local.promise(epoch);
        let mut candidate =
            Candidate { epoch, promises: BTreeMap::new(), fetching: None, again: now, until: now + local.limits.stand };
        candidate.ask(local, now);
        candidate
    }

    /// The epoch that it stands for.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// A replica has promised the epoch.
    pub fn promised(&mut self, local: &mut Local, from: NodeId, end: Point, committed: Index) {
        if local.plan.as_ref().is_some_and(|plan| plan.counts(from)) {
            self.promises.insert(from, Promised { end, committed });
            self.fetch(local, from, local.history.end());
        }
    }

    /// There is a connection to a node: what was asked of it before may not have come.
    pub fn connected(&mut self, local: &mut Local, now: Moment) {
        self.ask(local, now);
    }

    /// What was fetched has come.
    pub fn tail(
        &mut self,
        local: &mut Local,
        from: NodeId,
        prev: Point,
        appends: Vec<Append>,
    ) -> Result<(), Contradiction> {
        // Nobody's tail but of one who has more: of several, the last to come need not be the greatest.
        if self.fetching == Some((from, prev)) && self.has_more(local, from) && landing::fits(&local.history, prev) {
            let came = !appends.is_empty();
            landing::land(local, appends)?;
            if came {
                self.fetch(local, from, local.history.end());
            }
        }
        Ok(())
    }

    /// What was to be fetched does not follow what is here.
    pub fn apart(&mut self, local: &mut Local, from: NodeId, hint: Point) {
        if self.fetching.is_some_and(|(node, point)| node == from && hint < point) {
            let common = local.history.epochs().up_to(hint);
            self.fetch(local, from, common);
        }
    }

    /// The donor's log begins behind what is here.
    pub fn rebased(&mut self, local: &mut Local, from: NodeId, base: Base) {
        if self.has_more(local, from) && landing::rebase(local, base) {
            self.fetch(local, from, local.history.end());
        }
    }

    /// Whether it can lead: a majority has promised, itself durably among them, and nobody of these has more.
    pub fn elected(&self, local: &mut Local) -> Option<Elected> {
        let plan = local.plan.as_ref()?;
        let end = local.history.end();
        let is_promised = |node: NodeId| node == local.node || self.promises.contains_key(&node);
        let is_behind = self.promises.values().any(|promised| promised.end > end);
        if !local.history.has_promised(self.epoch) || !plan.majority(is_promised) || is_behind {
            return None;
        }
        let known = self.promises.values().map(|promised| promised.committed).max().unwrap_or_default();
        let known = known.max(local.history.committed());
        let agree = self.promises.values().all(|promised| promised.end == end);
        let settled = agree && known == end.index && plan.next.is_none() && plan.joining.is_empty();
        if settled {
            local.commit(end.index);
        }
        Some(Elected { epoch: self.epoch, settled })
    }

    /// Asks again, and says when it takes too long.
    pub fn tick(&mut self, local: &mut Local, now: Moment) {
        if now >= self.again {
            self.ask(local, now);
        }
        if now >= self.until {
            self.until = now + local.limits.stand;
            local.propose(Proposal::Unpromised(self.epoch));
        }
    }

    /// When it wants a tick.
    pub fn deadline(&self) -> Moment {
        self.again.min(self.until)
    }

    fn ask(&mut self, local: &mut Local, now: Moment) {
        self.again = now + local.limits.retry;
        let Some(plan) = &local.plan else { return };
        let counts = plan.members().into_iter().filter(|node| *node != local.node && plan.counts(*node));
        let silent: Vec<NodeId> = counts.filter(|node| !self.promises.contains_key(node)).collect();
        for node in silent {
            local.send(node, Message::Ask { epoch: self.epoch });
        }
        let most = self.promises.iter().max_by_key(|(_, promised)| promised.end).map(|(node, _)| *node);
        if let Some(node) = most {
            self.fetch(local, node, local.history.end());
        }
    }

    /// Asks `of` for what follows `from`, as long as it has more.
    fn fetch(&mut self, local: &mut Local, of: NodeId, from: Point) {
        if self.has_more(local, of) {
            self.fetching = Some((of, from));
            local.send(of, Message::Fetch { epoch: self.epoch, from });
        }
    }

    fn has_more(&self, local: &Local, of: NodeId) -> bool {
        self.promises.get(&of).is_some_and(|promised| promised.end > local.history.end())
    }
}
