//! What a replica has whatever its role: who it is, its log, its row of the plan, and what it wants done.

use dag_model::NodeId;

use crate::command::{Answer, Command, Proposal, RequestId};
use crate::history::History;
use crate::limits::Limits;
use crate::message::Message;
use crate::point::{Epoch, Index, Life};
use crate::set::Assignment;

/// See the module.
#[derive(Debug)]
pub struct Local {
    /// This node.
    pub node: NodeId,
    /// This life of the replica.
    pub life: Life,
    /// The limits.
    pub limits: Limits,
    /// The log.
    pub history: History,
    /// The stream's row of the plan, as far as this node knows.
    pub plan: Option<Assignment>,
    /// What is to be done, in order.
    pub out: Vec<Command>,
}

impl Local {
    /// A message goes out.
    pub fn send(&mut self, to: NodeId, message: Message) {
        self.out.push(Command::Send { to, message });
    }

    /// Somebody is answered.
    pub fn answer(&mut self, id: RequestId, answer: Answer) {
        self.out.push(Command::Answer { id, answer });
    }

    /// Metadata is asked.
    pub fn propose(&mut self, proposal: Proposal) {
        self.out.push(Command::Propose(proposal));
    }

    /// What is promised, durable or not.
    pub fn promised(&self) -> Epoch {
        self.history.row().promised
    }

    /// Nothing before `epoch` is taken from now on.
    pub fn promise(&mut self, epoch: Epoch) {
        if epoch > self.promised() {
            let row = self.history.row();
            self.history.set_row(crate::disk::Row { promised: epoch, ..row }, &mut self.out);
        }
    }

    /// Whether this replica votes and counts, durably.
    pub fn is_whole(&self) -> bool {
        self.history.kept().is_some_and(|row| row.whole) && self.history.row().whole
    }

    /// Whether it becomes whole, or not.
    pub fn set_whole(&mut self, whole: bool) {
        let row = self.history.row();
        if row.whole != whole {
            self.history.set_row(crate::disk::Row { whole, ..row }, &mut self.out);
        }
    }

    /// What is committed grows.
    pub fn commit(&mut self, index: Index) -> bool {
        self.history.commit(index, &self.limits, &mut self.out)
    }

    /// Whether the plan has it that records may be taken.
    pub fn is_open(&self) -> bool {
        self.plan.as_ref().is_some_and(Assignment::is_open)
    }
}
