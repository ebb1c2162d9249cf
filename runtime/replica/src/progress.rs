//! One other replica as the leader sees it: how far its log is known to be the leader's, and what is on its way to it.

use dag_model::NodeId;

use crate::append::Append;
use crate::command::{Command, Purpose, Read};
use crate::local::Local;
use crate::message::Message;
use crate::point::{Epoch, Index, Life, Moment, Point};

/// See the module.
#[derive(Debug)]
pub struct Progress {
    /// The life that it is in, once it was heard of in this epoch.
    life: Option<Life>,
    /// Up to here its log is the leader's, and durable, as it said in this life.
    matched: Index,
    /// The most that it said in any life of this epoch: one that has less and says that it is whole does not know what it lost.
    acknowledged: Index,
    /// Whether it counts, as it says.
    whole: bool,
    /// It has lost something and does not know it in this life.
    lost: bool,
    /// Where it has caught up: what there was when it was first heard of in this life.
    target: Option<Index>,
    /// It was not heard of since there is a connection to it, and so may be in another life: not before it answers this round.
    unheard: Option<u64>,
    /// What it knows to be committed.
    committed: Index,
    /// The greatest round that it has answered.
    round: u64,
    /// What is tried with it.
    stage: Stage,
    /// Up to here its log is taken to be the leader's, durable or not.
    agreed: Index,
    /// The next append to be sent.
    next: Index,
    /// Appends for it are being read from disk.
    reading: bool,
    /// What was committed, and the round, when it was last sent something.
    told: (Index, u64),
    /// When what is outstanding is sent again, and how often it was.
    again: Option<Moment>,
    tries: u32,
}

/// What is tried with a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Whether its log has this append.
    Probing(Point),
    /// To have it begin anew where the leader's log begins.
    Rebasing,
    /// To send what follows.
    Sending,
}

/// What a leader tells with each message.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its round.
    pub round: u64,
    /// The round that somebody waits for; 0 if nobody does.
    pub asked: u64,
    /// The present.
    pub now: Moment,
}

/// What a follower says with an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    /// Its life.
    pub life: Life,
    /// The greatest round that it has seen.
    pub round: u64,
    /// Up to where its log is the leader's, and durable.
    pub durable: Index,
    /// What it knows to be committed.
    pub committed: Index,
    /// Whether it counts.
    pub whole: bool,
}

/// What a follower says whose log lacks the append that others were to follow.
#[derive(Clone, Copy, Debug)]
pub struct Apart {
    /// Its life.
    pub life: Life,
    /// The last append that both can have.
    pub hint: Point,
    /// Whether it counts.
    pub whole: bool,
}

impl Progress {
    /// Of a replica that was not heard of in this epoch: it is tried whether it has the leader's end.
    pub fn new(end: Point) -> Progress {
        Progress {
            life: None,
            matched: Index(0),
            acknowledged: Index(0),
            whole: false,
            lost: false,
            target: None,
            unheard: Some(0),
            committed: Index(0),
            round: 0,
            stage: Stage::Sending,
            agreed: end.index,
            next: end.index.next(),
            reading: false,
            told: (Index(0), 0),
            again: None,
            tries: 0,
        }
    }

    /// Whether it counts.
    pub fn is_whole(&self) -> bool {
        self.whole && !self.lost
    }

    /// Up to where it has what the leader has, durably; nothing while it does not count.
    pub fn counted(&self) -> Index {
        if self.is_whole() { self.matched } else { Index(0) }
    }

    /// Up to where it has what the leader has, durably.
    pub fn matched(&self) -> Index {
        self.matched
    }

    /// The greatest round that it has answered; none while it does not count.
    pub fn answered(&self) -> u64 {
        if self.is_whole() { self.round } else { 0 }
    }

    /// Whether it has all that there was when it was first heard of, and counts.
    pub fn has_caught_up(&self) -> bool {
        self.is_whole() && self.target.is_some_and(|target| self.matched >= target)
    }

    /// Whether it was heard of, and does not count.
    pub fn is_filling(&self) -> bool {
        self.life.is_some() && !self.is_whole()
    }

    /// There is a connection to it: what was sent before this round may not have come.
    pub fn connected(&mut self, round: u64) {
        self.unheard = Some(round);
        (self.again, self.tries, self.reading) = (None, 0, false);
    }

    /// It says how far it is.
    pub fn acknowledged(&mut self, local: &mut Local, from: NodeId, word: Word, ack: Ack) {
        if !self.live(local, ack.life) {
            return;
        }
        self.matched = self.matched.max(ack.durable);
        self.acknowledged = self.acknowledged.max(ack.durable);
        self.committed = self.committed.max(ack.committed);
        self.round = self.round.max(ack.round);
        self.unheard = self.unheard.filter(|round| ack.round < *round);
        self.whole |= ack.whole;
        self.agreed = self.agreed.max(self.matched);
        self.next = self.next.max(self.agreed.next());
        let is_settled = match self.stage {
            Stage::Probing(point) => self.matched >= point.index,
            Stage::Rebasing => self.matched >= local.history.epochs().base().index,
            Stage::Sending => true,
        };
        if is_settled && self.stage != Stage::Sending {
            (self.stage, self.next) = (Stage::Sending, self.agreed.next());
        }
        if self.lost {
            local.send(from, Message::Lost { epoch: word.epoch, life: ack.life });
        }
        self.tries = 0;
        self.again = self.lacks(local, word).then(|| word.now + local.limits.retry);
    }

    /// It has not got the append that another was to follow, and says where the logs may be one.
    pub fn apart(&mut self, local: &mut Local, from: NodeId, word: Word, Apart { life, hint, whole }: Apart) {
        // It answers something earlier, or twice; where appends were lost on the way, they are sent again in time.
        let is_old = |progress: &Progress| {
            let tried = match progress.stage {
                Stage::Probing(point) => Some(point),
                Stage::Sending => local.history.epochs().point(progress.agreed),
                Stage::Rebasing => None,
            };
            hint.index < progress.matched || tried.is_none_or(|tried| hint >= tried)
        };
        if !self.live(local, life) || is_old(self) {
            return;
        }
        (self.again, self.tries) = (None, 0);
        if hint.index < self.acknowledged && whole {
            self.lost = true;
            local.send(from, Message::Lost { epoch: word.epoch, life });
        }
        let epochs = local.history.epochs();
        let common = epochs.up_to(hint);
        (self.stage, self.next) = match common {
            _ if common == hint => (Stage::Sending, common.index.next()),
            base if base == epochs.base() && hint.index <= base.index => (Stage::Rebasing, base.index.next()),
            _ => (Stage::Probing(common), common.index.next()),
        };
        self.agreed = if self.stage == Stage::Sending { common.index } else { self.matched };
    }

    /// What was read for it from disk.
    pub fn read(&mut self, local: &mut Local, to: NodeId, word: Word, prev: Point, appends: Vec<Append>) {
        self.reading = false;
        if prev.index.next() == self.next && self.stage == Stage::Sending {
            self.offer(local, to, word, prev, appends);
        }
    }

    /// Sends what it lacks, as far as that may be on its way at once, or what else it has to know.
    pub fn feed(&mut self, local: &mut Local, to: NodeId, word: Word) {
        let due = self.again.is_some_and(|again| word.now >= again) && self.lacks(local, word);
        if self.reading || (self.stage != Stage::Sending && self.again.is_some() && !due) {
            return;
        }
        if due {
            self.tries = self.tries.saturating_add(1);
            if self.stage == Stage::Sending {
                self.next = self.agreed.next();
            }
        }
        let mut sent = false;
        while self.stage == Stage::Sending && !self.reading && self.has_room(local) {
            self.send_next(local, to, word);
            sent = true;
        }
        let (committed, round) = self.told;
        let untold = (committed < local.history.committed() || round < word.asked) && self.lacks(local, word);
        if !sent && (due || untold || (self.again.is_none() && self.lacks(local, word))) {
            self.tell(local, to, word);
        }
    }

    /// When it wants to be fed again.
    pub fn deadline(&self, local: &Local, word: Word) -> Option<Moment> {
        if !self.lacks(local, word) { None } else { self.again }
    }

    /// Whether it has something to learn.
    fn lacks(&self, local: &Local, word: Word) -> bool {
        let history = &local.history;
        let is_behind = self.matched < history.end().index || self.committed < history.committed();
        let is_settled = self.stage == Stage::Sending && self.unheard.is_none() && self.is_whole();
        is_behind || !is_settled || self.round < word.asked
    }

    fn has_room(&self, local: &Local) -> bool {
        let in_flight = self.next.before().0.saturating_sub(self.agreed.0);
        self.next <= local.history.end().index && in_flight < local.limits.in_flight as u64
    }

    /// Sends the next appends, from memory or by way of the disk, or begins anew where they are trimmed.
    fn send_next(&mut self, local: &mut Local, to: NodeId, word: Word) {
        let Some(prev) = local.history.epochs().point(self.next.before()) else {
            return self.rebase(local, to, word);
        };
        if let Some(appends) = local.history.recent(self.next, &local.limits) {
            return self.offer(local, to, word, prev, appends);
        }
        self.reading = true;
        self.again = Some(word.now + local.limits.retry_most);
        let (epoch, last, limits) = (word.epoch, local.history.end().index, &local.limits);
        let (appends, bytes) = (limits.message_appends, limits.message_bytes);
        local.out.push(Command::Read(Read { to, purpose: Purpose::Feed, epoch, prev, last, appends, bytes }));
    }

    /// Says again what is tried, or what it does not know yet, without appends.
    fn tell(&mut self, local: &mut Local, to: NodeId, word: Word) {
        let prev = match self.stage {
            Stage::Probing(point) => local.history.epochs().has(point).then_some(point),
            Stage::Sending => local.history.epochs().point(self.next.before()),
            Stage::Rebasing => None,
        };
        match prev {
            Some(prev) => self.offer(local, to, word, prev, Vec::new()),
            None => self.rebase(local, to, word),
        }
    }

    fn rebase(&mut self, local: &mut Local, to: NodeId, word: Word) {
        let base = local.history.base();
        (self.stage, self.next) = (Stage::Rebasing, base.point.index.next());
        self.expect(local, word);
        local.send(to, Message::Base { epoch: word.epoch, round: word.round, base });
    }

    fn offer(&mut self, local: &mut Local, to: NodeId, word: Word, prev: Point, appends: Vec<Append>) {
        self.next = appends.last().map_or(self.next, |last| last.index().next());
        self.expect(local, word);
        let committed = local.history.committed();
        self.told = (committed, word.round);
        let target = self.life.zip(self.target).filter(|_| !self.is_whole());
        let Word { epoch, round, .. } = word;
        local.send(to, Message::Append { epoch, round, prev, appends, committed, target });
    }

    fn expect(&mut self, local: &Local, word: Word) {
        let pause = local.limits.retry.saturating_mul(1 << self.tries.min(16));
        self.again = Some(word.now + pause.min(local.limits.retry_most));
    }

    /// It is heard of in this life. Says false where it was heard of in a later one.
    fn live(&mut self, local: &Local, life: Life) -> bool {
        if self.life.is_some_and(|known| known > life) {
            return false;
        }
        if self.life.is_some_and(|known| known < life) {
            // What it said before, it said before it lost whatever it may have lost.
            let end = local.history.end();
            let Progress { acknowledged, unheard, .. } = *self;
            *self = Progress { acknowledged, unheard, ..Progress::new(end) };
        }
        if self.life != Some(life) {
            (self.life, self.target) = (Some(life), Some(local.history.end().index));
        }
        true
    }
}
