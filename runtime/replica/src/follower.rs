//! A replica that follows: it takes what the leader of the highest epoch sends, and says how far its log is the leader's, durably.

use dag_model::NodeId;

use crate::append::Append;
use crate::disk::Base;
use crate::landing::{self, Contradiction};
use crate::local::Local;
use crate::message::Message;
use crate::point::{Epoch, Index, Life, Point};

/// What a follower knows of its leader. It begins anew with each epoch: only logs that were compared in an epoch count in it (4).
#[derive(Debug, Default)]
pub struct Follower {
    /// The epoch in which logs were compared.
    epoch: Epoch,
    /// Whom it follows there.
    leader: Option<NodeId>,
    /// Up to here the log is the leader's.
    verified: Index,
    /// The greatest round that it has seen.
    round: u64,
    /// Where it is whole again.
    target: Option<Index>,
    /// What it last said, and to which round.
    told: Option<(u64, Index, Index, bool)>,
}

/// What comes with a leader's appends.
#[derive(Debug)]
pub struct Offer {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// Its round.
    pub round: u64,
    /// The append before.
    pub prev: Point,
    /// What follows.
    pub appends: Vec<Append>,
    /// What is committed.
    pub committed: Index,
    /// Where a replica that is not whole is whole again, and in which life.
    pub target: Option<(Life, Index)>,
}

impl Follower {
    /// Of a replica that heard of nobody yet.
    pub fn new() -> Follower {
        Follower::default()
    }

    /// Whom it follows.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The leader of an epoch that is not over sends appends.
    pub fn offered(&mut self, local: &mut Local, from: NodeId, offer: Offer) -> Result<(), Contradiction> {
        self.follow(local, from, offer.epoch, offer.round);
        if let Some((life, target)) = offer.target
            && life == local.life
        {
            self.target = Some(target);
        }
        if !landing::fits(&local.history, offer.prev) {
            self.apart(local, from, &offer);
            return Ok(());
        }
        let end = offer.appends.last().map_or(offer.prev.index, Append::index);
        let has_room = local.history.pending() < local.limits.pending;
        if has_room || offer.appends.is_empty() {
            landing::land(local, offer.appends)?;
            self.verified = self.verified.max(end);
        }
        // Never beyond what this leader's messages have verified, though it may be committed and the log may be longer.
        local.commit(offer.committed.min(self.verified));
        // What waits for the disk is said when it is durable.
        self.report(local, self.verified <= local.history.durable());
        Ok(())
    }

    /// The leader's log begins behind where this one ends, or where the two part.
    pub fn rebased(&mut self, local: &mut Local, from: NodeId, epoch: Epoch, round: u64, base: Base) {
        self.follow(local, from, epoch, round);
        let point = base.point;
        if landing::rebase(local, base) || landing::fits(&local.history, point) {
            self.verified = self.verified.max(point.index);
        }
        self.report(local, true);
    }

    /// Something became durable.
    pub fn done(&mut self, local: &mut Local) {
        self.report(local, false);
    }

    /// The leader knows that more was acknowledged than is here.
    pub fn lost(&mut self, local: &mut Local, epoch: Epoch, life: Life) {
        if life == local.life && epoch == self.epoch {
            self.target = None;
            // Within a life a replica only ever becomes whole, so that it does not matter in which order its words arrive.
            local.life.opening += 1;
            local.set_whole(false);
            self.report(local, true);
        }
    }

    fn follow(&mut self, local: &mut Local, from: NodeId, epoch: Epoch, round: u64) {
        local.promise(epoch);
        if epoch > self.epoch {
            *self = Follower { epoch, leader: Some(from), ..Follower::default() };
        }
        self.round = self.round.max(round);
    }

    fn apart(&self, local: &mut Local, to: NodeId, offer: &Offer) {
        let hint = landing::common(&local.history, offer.prev);
        let (epoch, round, life, whole) = (offer.epoch, offer.round, local.life, local.is_whole());
        let message = Message::Apart { epoch, life, round, hint, whole };
        local.send(to, message);
    }

    /// Says what is durable and verified, once the promise of the epoch is durable: where that is more than was said, or where it is asked.
    fn report(&mut self, local: &mut Local, asked: bool) {
        let Some(leader) = self.leader else { return };
        if local.promised() > self.epoch || !local.history.has_promised(self.epoch) {
            return;
        }
        let durable = self.verified.min(local.history.durable());
        if !local.history.row().whole && self.target.is_some_and(|target| durable >= target) {
            self.target = None;
            local.set_whole(true);
        }
        let said = (self.round, durable, local.history.committed(), local.is_whole());
        if asked || self.told != Some(said) {
            self.told = Some(said);
            let (round, durable, committed, whole) = said;
            let message = Message::Ack { epoch: self.epoch, life: local.life, round, durable, committed, whole };
            local.send(leader, message);
        }
    }
}
