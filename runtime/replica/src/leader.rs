//! A replica that leads: it gives each append its index, commits what a majority has durably, and answers for the stream's present.

use std::collections::BTreeMap;

use dag_model::NodeId;

use crate::append::{Append, Body, Header, Kind};
use crate::candidate::Elected;
use crate::command::{Answer, Proposal, Question, Request, RequestId};
use crate::limits::Limits;
use crate::local::Local;
use crate::point::{Epoch, Index, Moment, Point};
use crate::prefix::Verdict;
use crate::progress::{Ack, Apart, Progress, Word};
use crate::questions::{Asked, Questions};

/// See the module.
#[derive(Debug)]
pub struct Leader {
    epoch: Epoch,
    /// The first append of the epoch: until it is committed nothing counts. None before somebody wants something (M17).
    entry: Option<Index>,
    /// The append that says that the change to this set is known.
    change: Option<(Vec<NodeId>, Index)>,
    peers: BTreeMap<NodeId, Progress>,
    /// Who waits for which append to be committed, and what they are told then.
    waiting: BTreeMap<Index, Vec<(RequestId, Told)>>,
    waiting_count: usize,
    questions: Questions,
    /// When what is wanted of metadata is said again.
    propose: Option<Moment>,
}

/// What somebody is told once an append is committed.
#[derive(Clone, Debug)]
enum Told {
    /// Where it is.
    Committed,
    /// Something else.
    Answer(Answer),
}

impl Leader {
    /// Takes office.
    pub fn begin(local: &mut Local, elected: Elected, now: Moment) -> Leader {
        let mut leader = Leader {
            epoch: elected.epoch,
            entry: None,
            change: None,
            peers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_count: 0,
            questions: Questions::default(),
            propose: None,
        };
        leader.meet(local);
        if !elected.settled {
            leader.enter(local);
        }
        leader.planned(local, now);
        leader
    }

    /// Its epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How far each other replica is.
    pub fn peers(&self) -> &BTreeMap<NodeId, Progress> {
        &self.peers
    }

    /// The plan has another row of the same epoch, or the first one.
    pub fn planned(&mut self, local: &mut Local, now: Moment) {
        self.meet(local);
        let plan = local.plan.clone();
        let next = plan.as_ref().and_then(|plan| plan.next.clone());
        if self.change.as_ref().map(|(set, _)| set) != next.as_ref() {
            self.change = next.map(|set| (set, self.append(local, Kind::Set, Body::default())));
        }
        let mark = plan.map_or(0, |plan| plan.mark);
        if mark > local.history.written().marked {
            self.append(local, Kind::Mark(mark), Body::default());
        }
        self.propose = None;
        self.advance(local, now);
    }

    /// Somebody wants something appended.
    pub fn request(&mut self, local: &mut Local, id: RequestId, request: Request, now: Moment) {
        self.judge(local, id, request, false);
        self.advance(local, now);
    }

    /// Somebody asks.
    pub fn question(&mut self, local: &mut Local, id: RequestId, question: Question, now: Moment) {
        self.enter(local);
        self.ask(local, id, Asked::Question(question));
        self.advance(local, now);
    }

    /// A follower says how far it is.
    pub fn acknowledged(&mut self, local: &mut Local, from: NodeId, ack: Ack, now: Moment) {
        let word = self.word(now);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.acknowledged(local, from, word, ack);
        if peer.is_filling() {
            self.enter(local);
        }
        self.advance(local, now);
    }

    /// A follower's log parts from this one.
    pub fn apart(&mut self, local: &mut Local, from: NodeId, apart: Apart, now: Moment) {
        let word = self.word(now);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.apart(local, from, word, apart);
        self.advance(local, now);
    }

    /// Appends for a follower were read.
    pub fn read(&mut self, local: &mut Local, to: NodeId, prev: Point, appends: Vec<Append>, now: Moment) {
        let word = self.word(now);
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.read(local, to, word, prev, appends);
        }
        self.advance(local, now);
    }

    /// There is a connection to a node.
    pub fn connected(&mut self, local: &mut Local, node: NodeId, now: Moment) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.connected(self.questions.raise());
        }
        self.advance(local, now);
    }

    /// Whatever has changed: commits, answers, sends, proposes.
    pub fn advance(&mut self, local: &mut Local, now: Moment) {
        self.commit(local);
        self.answer(local);
        let word = self.word(now);
        for (node, peer) in &mut self.peers {
            peer.feed(local, *node, word);
        }
        self.wants(local, now);
    }

    /// When it wants a tick.
    pub fn deadline(&self, local: &Local) -> Option<Moment> {
        let word = self.word(Moment(0));
        let peers = self.peers.values().filter_map(|peer| peer.deadline(local, word));
        peers.chain(self.propose).min()
    }

    /// It leads no longer: what waits may yet be committed, and what was only asked was not done.
    pub fn leave(mut self, local: &mut Local) {
        for (id, told) in std::mem::take(&mut self.waiting).into_values().flatten() {
            let was_done = !matches!(told, Told::Answer(Answer::Void | Answer::Refused(_)));
            local.answer(id, if was_done { Answer::Unknown } else { Answer::NotLeader });
        }
        for id in self.questions.give_up() {
            local.answer(id, Answer::NotLeader);
        }
    }

    /// The append of the epoch that commits what lies before it, where there is none yet.
    fn enter(&mut self, local: &mut Local) {
        if self.entry.is_none() {
            self.entry = Some(local.history.end().index.next());
            self.write(local, Kind::Epoch, Body::default());
        }
    }

    fn append(&mut self, local: &mut Local, kind: Kind, body: Body) -> Index {
        self.enter(local);
        self.write(local, kind, body)
    }

    fn write(&mut self, local: &mut Local, kind: Kind, body: Body) -> Index {
        let index = local.history.end().index.next();
        let header = Header { point: Point { epoch: self.epoch, index }, kind };
        local.history.append(vec![Append { header, body }], &local.limits, &mut local.out);
        index
    }

    fn judge(&mut self, local: &mut Local, id: RequestId, request: Request, confirmed: bool) {
        let Request { kind, body } = &request;
        let is_of_the_leader = matches!(kind, Kind::Epoch | Kind::Set | Kind::Mark(_));
        let is_void = matches!(kind, Kind::Trim(index) if !self.may_trim(local, *index));
        if is_of_the_leader || is_void {
            return local.answer(id, Answer::Void);
        }
        if !is_within(&request, &local.limits) {
            return local.answer(id, Answer::TooLarge);
        }
        if !local.is_open() {
            return local.answer(id, Answer::NotMade);
        }
        let end = local.history.end().index;
        match local.history.written().judge(kind, local.limits.publishers) {
            Verdict::Fresh if self.is_full(local, body.0.len()) => local.answer(id, Answer::Full),
            Verdict::Fresh => {
                let index = self.append(local, kind.clone(), body.clone());
                self.wait(id, index, Told::Committed);
            }
            Verdict::Repeat(last) => {
                let at = self.repeated(local, kind, last);
                self.when_committed(local, id, at, Answer::Repeat);
            }
            // What refuses it may be cut off yet, or lie behind what a later leader has: it is said once neither can be.
            Verdict::Void | Verdict::No(_) if !confirmed => {
                self.enter(local);
                self.ask(local, id, Asked::Request(request));
            }
            Verdict::Void => self.when_committed(local, id, end, Answer::Void),
            Verdict::No(refusal) => self.when_committed(local, id, end, Answer::Refused(refusal)),
        }
    }

    /// Where something that is there lies at the latest, `last` being where the publisher's last batch does.
    fn repeated(&self, local: &Local, kind: &Kind, last: Index) -> Index {
        let Kind::Records(Some(batch)) = kind else { return last };
        let shown = local.history.shown().publishers.get(&batch.publisher);
        let is_shown = shown.is_some_and(|known| known.session == batch.session && known.last >= batch.number);
        if is_shown { local.history.committed() } else { local.history.batch_at(batch).unwrap_or(last) }
    }

    fn may_trim(&self, local: &Local, index: Index) -> bool {
        index <= local.history.committed() && index > local.history.written().trimmed
    }

    fn is_full(&self, local: &Local, bytes: usize) -> bool {
        let (appends, held) = local.history.uncommitted();
        let limits = &local.limits;
        appends >= limits.uncommitted || held + bytes > limits.uncommitted_bytes || self.waiting_count >= limits.waiting
    }

    fn when_committed(&mut self, local: &mut Local, id: RequestId, index: Index, answer: Answer) {
        if index <= local.history.committed() {
            local.answer(id, answer);
        } else if self.waiting_count >= local.limits.waiting {
            local.answer(id, Answer::Full);
        } else {
            self.wait(id, index, Told::Answer(answer));
        }
    }

    fn wait(&mut self, id: RequestId, index: Index, told: Told) {
        self.waiting_count += 1;
        self.waiting.entry(index).or_default().push((id, told));
    }

    fn ask(&mut self, local: &mut Local, id: RequestId, asked: Asked) {
        if self.questions.len() >= local.limits.waiting {
            return local.answer(id, Answer::Full);
        }
        self.questions.push(id, asked);
        self.questions.begin();
    }

    fn commit(&mut self, local: &mut Local) {
        let (Some(plan), Some(entry)) = (&local.plan, self.entry) else { return };
        let reached = plan.reached(|node| match self.peers.get(&node) {
            Some(peer) => peer.counted(),
            // Itself only after its own sync; a node that it does not know yet not at all.
            None if node == local.node => local.history.durable(),
            None => Index(0),
        });
        // What was appended in an earlier epoch is committed only by what is behind it.
        if reached < entry || !local.commit(reached) {
            return;
        }
        let committed = local.history.committed();
        let rest = self.waiting.split_off(&committed.next());
        for (index, waiters) in std::mem::replace(&mut self.waiting, rest) {
            for (id, told) in waiters {
                self.waiting_count -= 1;
                let point = Point { epoch: self.epoch, index };
                local.answer(id, if let Told::Answer(answer) = told { answer } else { Answer::Committed(point) });
            }
        }
    }

    /// Those who ask are answered when the epoch's first append is committed and a majority has confirmed the epoch since they asked.
    fn answer(&mut self, local: &mut Local) {
        while self.entry.is_some_and(|entry| entry <= local.history.committed()) {
            let Some(plan) = &local.plan else { return };
            let confirmed = plan.reached(|node| match self.peers.get(&node) {
                Some(peer) => peer.answered(),
                None if node == local.node => u64::MAX,
                None => 0,
            });
            let served = self.questions.confirmed(confirmed);
            if served.is_empty() {
                return;
            }
            for (id, asked) in served {
                match asked {
                    Asked::Request(request) => self.judge(local, id, request, true),
                    Asked::Question(Question::End) => {
                        let end = local.history.epochs().point(local.history.committed()).unwrap_or_default();
                        local.answer(id, Answer::End(end));
                    }
                    Asked::Question(Question::Publisher(name)) => {
                        let known = local.history.shown().publishers.get(&name).copied();
                        local.answer(id, Answer::Publisher(known));
                    }
                }
            }
            self.questions.begin();
        }
    }

    /// What it wants of metadata, again and again until the plan has it.
    fn wants(&mut self, local: &mut Local, now: Moment) {
        let Some(plan) = &local.plan else { return };
        let (epoch, revision) = (self.epoch, plan.revision);
        let is_committed = |index: Index| index <= local.history.committed();
        let has_caught_up = |node: &NodeId| self.peers.get(node).is_some_and(Progress::has_caught_up);
        let wanted = match &self.change {
            Some((_, index)) => is_committed(*index).then_some(Proposal::Final { epoch, revision }),
            None if plan.joining.is_empty() => None,
            None => plan.joining.iter().all(has_caught_up).then_some(Proposal::Joint { epoch, revision }),
        };
        let is_due = self.propose.is_none_or(|again| now >= again);
        match wanted {
            None => self.propose = None,
            Some(proposal) if is_due => {
                self.propose = Some(now + local.limits.retry);
                local.propose(proposal);
            }
            Some(_) => {}
        }
    }

    /// Knows of all who receive, and of nobody else.
    fn meet(&mut self, local: &Local) {
        let Some(plan) = &local.plan else { return };
        let members = plan.members();
        self.peers.retain(|node, _| members.contains(node));
        for node in members.into_iter().filter(|node| *node != local.node) {
            self.peers.entry(node).or_insert_with(|| Progress::new(local.history.end()));
        }
    }

    fn word(&self, now: Moment) -> Word {
        Word { epoch: self.epoch, round: self.questions.round(), asked: self.questions.asked(), now }
    }
}

/// Whether a request is as small as it has to be.
fn is_within(request: &Request, limits: &Limits) -> bool {
    let fits = |name: &String| name.len() <= limits.name_bytes;
    let names_fit = match &request.kind {
        Kind::Records(Some(batch)) | Kind::Leave(batch) | Kind::Done(batch) | Kind::Seal(Some(batch)) => {
            fits(&batch.publisher)
        }
        Kind::Forget(names) => names.len() <= limits.forgotten && names.iter().all(fits),
        _ => true,
    };
    names_fit && request.body.0.len() <= limits.append_bytes
}
