//! What a replica does for others that are to lead: it promises their epoch, and gives them what they lack (2).

use dag_model::NodeId;

use crate::append::Append;
use crate::command::{Command, Purpose, Read};
use crate::local::Local;
use crate::message::Message;
use crate::point::{Epoch, Point};

/// See the module.
#[derive(Debug, Default)]
pub struct Voter {
    /// Who asked for a promise that is not durable yet.
    asked: Option<(Epoch, NodeId)>,
}

impl Voter {
    /// A candidate asks for a promise of an epoch that is not over. Only a whole replica gives one, once it is durable.
    pub fn asked(&mut self, local: &mut Local, from: NodeId, epoch: Epoch) {
        local.promise(epoch);
        self.asked = Some((epoch, from));
    }

    /// Gives the promise that was asked for, if it is durable.
    pub fn give_promise(&mut self, local: &mut Local) {
        let Some((epoch, to)) = self.asked.take_if(|(epoch, _)| local.history.has_promised(*epoch)) else { return };
        let history = &local.history;
        let end = history.epochs().point(history.durable()).unwrap_or_default();
        let message = Message::Promise { epoch, end, committed: history.committed() };
        local.send(to, message);
    }

    /// A candidate that was promised wants what follows `from`. Whoever promised takes nothing of before, so the end stays what it was.
    pub fn give(&self, local: &mut Local, to: NodeId, epoch: Epoch, from: Point) {
        let (epochs, end) = (local.history.epochs(), local.history.end());
        if from.index < epochs.base().index {
            let base = local.history.base();
            local.send(to, Message::Base { epoch, round: 0, base });
        } else if !epochs.has(from) {
            let (life, hint) = (local.life, epochs.up_to(from));
            local.send(to, Message::Apart { epoch, life, round: 0, hint, whole: true });
        } else if from.index == end.index {
            local.send(to, Message::Tail { epoch, prev: from, appends: Vec::new() });
        } else if let Some(appends) = local.history.recent(from.index.next(), &local.limits) {
            local.send(to, Message::Tail { epoch, prev: from, appends });
        } else {
            let (appends, bytes) = (local.limits.message_appends, local.limits.message_bytes);
            let (purpose, last) = (Purpose::Give, end.index);
            local.out.push(Command::Read(Read { to, purpose, epoch, prev: from, last, appends, bytes }));
        }
    }

    /// What was to be given was read.
    pub fn read(&self, local: &mut Local, read: Read, appends: Vec<Append>) {
        if local.promised() == read.epoch {
            local.send(read.to, Message::Tail { epoch: read.epoch, prev: read.prev, appends });
        }
    }
}
