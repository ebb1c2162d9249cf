//! The plan as a node of the cluster has it, and what has made it so.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use dag_lock::Mutex;
use dag_metadata::Changes;
use dag_model::IncarnationId;
use dag_plan::{Entity, Plan, Revision};
use tokio::sync::watch;

use crate::limits::RECENT;
use crate::types::{Answers, Group};

/// A group that was applied.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// The entry.
    pub index: u64,
    /// What was proposed.
    pub group: Group,
    /// The plan's revision after it.
    pub revision: Revision,
    /// What became of it.
    pub answers: Arc<Answers>,
}

/// See the module.
pub(crate) struct View {
    /// Guards what was applied last; the plan is replaced under it.
    recent: Mutex<Recent>,
    /// Guards which plan there is; the plan itself is replaced as a whole. Held for no longer than that takes.
    plan: RwLock<Arc<Plan>>,
    changes: Changes,
    /// The index behind the last entry that was applied.
    next: watch::Sender<u64>,
}

/// The groups that were applied last, for those who wait for an answer and those who follow.
struct Recent {
    done: VecDeque<Done>,
    bytes: usize,
    /// All groups from this index on are there.
    from: u64,
    /// The index behind the last entry that was applied.
    next: u64,
}

impl View {
    /// A plan that has all entries before an index.
    pub fn of(plan: Arc<Plan>, next: u64) -> View {
        View {
            recent: Mutex::new("recent", Recent { done: VecDeque::new(), bytes: 0, from: next, next }),
            plan: RwLock::new(plan),
            changes: Changes::default(),
            next: watch::Sender::new(next),
        }
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn changed(&self) -> BTreeSet<IncarnationId> {
        self.changes.next().await
    }

    /// The index behind the last entry that was applied, and whenever that changes.
    pub fn next(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// The plan, and the index behind the last entry that it has.
    pub fn now(&self) -> (Arc<Plan>, u64) {
        let recent = self.recent.lock();
        (self.plan(), recent.next)
    }

    /// What became of the group of an entry; none where it is too long ago, or came with a snapshot.
    pub fn answers(&self, index: u64) -> Option<Arc<Answers>> {
        let recent = self.recent.lock();
        let found = recent.done.binary_search_by_key(&index, |done| done.index).ok()?;
        Some(recent.done[found].answers.clone())
    }

    /// The groups from an index on, at most so many bytes of them unless one alone has more, and the index behind them; none where they
    /// are not there any more. Who is ahead of this node is told nothing until it is as far.
    pub fn since(&self, from: u64, most: usize) -> Option<(Vec<Done>, u64)> {
        let recent = self.recent.lock();
        if from < recent.from {
            return None;
        }
        let first = recent.done.partition_point(|done| done.index < from);
        let (mut found, mut bytes) = (Vec::new(), 0);
        for done in recent.done.range(first..) {
            bytes += done.group.0.len();
            if bytes > most && !found.is_empty() {
                return Some((found, done.index));
            }
            found.push(done.clone());
        }
        Some((found, recent.next.max(from)))
    }

    /// Goes on to a plan that has all entries before an index, after these groups, which have touched that.
    pub fn advance<'a>(
        &self,
        plan: Arc<Plan>,
        next: u64,
        done: Vec<Done>,
        touched: impl IntoIterator<Item = &'a Entity>,
    ) {
        {
            let mut recent = self.recent.lock();
            done.into_iter().for_each(|done| recent.push(done));
            recent.next = next;
            self.replace(plan);
            self.changes.announce(touched);
        }
        self.next.send_replace(next);
    }

    /// Goes on from a snapshot.
    pub fn begin_anew(&self, plan: Arc<Plan>, next: u64) {
        {
            let mut recent = self.recent.lock();
            *recent = Recent { done: VecDeque::new(), bytes: 0, from: next, next };
            let before = self.replace(plan.clone());
            let all: BTreeSet<Entity> = before.keys().chain(plan.keys()).flatten().collect();
            self.changes.announce(&all);
        }
        self.next.send_replace(next);
    }

    fn replace(&self, plan: Arc<Plan>) -> Arc<Plan> {
        std::mem::replace(&mut *self.plan.write().unwrap_or_else(PoisonError::into_inner), plan)
    }
}

impl Recent {
    fn push(&mut self, done: Done) {
        self.bytes += done.group.0.len();
        self.done.push_back(done);
        while self.bytes > RECENT.0 || self.done.len() > RECENT.1 {
            let Some(oldest) = self.done.pop_front() else { break };
            self.bytes -= oldest.group.0.len();
            self.from = oldest.index + 1;
        }
    }
}
