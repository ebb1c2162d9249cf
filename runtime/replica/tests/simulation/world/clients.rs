//! What clients send, and what they are told.

use dag_replica::Publisher as Known;
use dag_replica::{Answer, Batch, Body, Index, Kind, Moment, Question, Refusal, Replica, Request, RequestId, Standing};

use super::{Event, World};
use crate::clients::{Publisher, Sent};
use crate::invariants::{answered_when_committed, ends_are_current};
use crate::planted::Planted;

impl World {
    pub(super) fn publish(&mut self, at: usize) {
        let publisher = &self.clients.publishers[at];
        if publisher.waits.is_some() {
            return;
        }
        if publisher.next > publisher.last {
            return self.seal(at);
        }
        let batch = batch(publisher, publisher.next);
        let (session, number) = (batch.session, batch.number);
        let id = self.clients.send(Sent::Batch { publisher: at, session, number });
        self.waits(at, id);
        let to = self.whom();
        if self.planted == Some(Planted::RepeatAnsweredEarly) {
            let known = self.written(to, &batch.publisher);
            let leads = matches!(self.node(to).replica.as_ref().map(Replica::standing), Some(Standing::Leads(_)));
            if leads && known.is_some_and(|known| (known.session, known.last) >= (session, number)) {
                return self.answered(id, Answer::Repeat);
            }
        }
        self.request(to, id, Kind::Records(Some(batch)));
    }

    /// Who has published the last of all batches seals the stream behind its own, where that is wanted.
    fn seal(&mut self, at: usize) {
        if self.clients.seals && !self.clients.is_sealed && self.clients.have_published() {
            self.clients.is_sealing = true;
            let publisher = &self.clients.publishers[at];
            let kind = Kind::Seal(Some(batch(publisher, publisher.last)));
            let id = self.clients.send(Sent::Seal);
            self.waits(at, id);
            let to = self.whom();
            self.request(to, id, kind);
        }
    }

    fn waits(&mut self, publisher: usize, id: RequestId) {
        self.clients.publishers[publisher].waits = Some(id);
        let patience = self.chance.between(100, 600);
        self.at(patience, Event::GiveUp { publisher, id });
    }

    /// A publisher begins anew, and what it sent before may still come.
    pub(super) fn begin_anew(&mut self) {
        let publisher = usize::try_from(self.chance.below(self.profile.publishers)).expect("an index");
        let Publisher { session, next, last, .. } = self.clients.publishers[publisher];
        if !self.clients.begin_anew(publisher) {
            return;
        }
        self.coverage.count("publishers that begin anew");
        self.at(1, Event::Publish { publisher });
        while self.strikes(self.profile.zombies / 2) {
            let after = self.chance.between(1, 400);
            self.at(after, Event::Zombie { publisher, session, number: next.min(last) });
        }
    }

    /// A batch of an earlier session comes.
    pub(super) fn rises(&mut self, at: usize, session: u64, number: u64) {
        self.coverage.count("batches of an earlier session");
        let id = self.clients.send(Sent::Batch { publisher: at, session, number });
        let batch = Batch { session, ..batch(&self.clients.publishers[at], number) };
        let to = self.whom();
        self.request(to, id, Kind::Records(Some(batch)));
    }

    /// Bugs to be found: a batch of an earlier session is taken for one of the session that has the name, or who leaves is not asked after which
    /// batch.
    fn taken_for(&self, node: u64, kind: Kind) -> Kind {
        let as_known = |batch: Batch, number: fn(&Batch, &Known) -> u64| match self.written(node, &batch.publisher) {
            Some(known) => Batch { session: known.session, number: number(&batch, &known), ..batch },
            None => batch,
        };
        match (self.planted, kind) {
            (Some(Planted::SessionUnchecked), Kind::Records(Some(batch)))
                if batch.session < self.clients.session_of(&batch.publisher) =>
            {
                Kind::Records(Some(as_known(batch, |batch, _| batch.number)))
            }
            (Some(Planted::LeaveUnnumbered), Kind::Leave(batch)) => Kind::Leave(as_known(batch, |_, known| known.last)),
            (_, kind) => kind,
        }
    }

    fn written(&self, node: u64, publisher: &str) -> Option<Known> {
        self.node(node).replica.as_ref().and_then(|replica| replica.written().publishers.get(publisher).copied())
    }

    /// Something is to be appended, with a body that nothing else has.
    fn request(&mut self, to: u64, id: RequestId, kind: Kind) {
        let body = self.body();
        self.truth.sent.insert(body.0.clone(), kind.clone());
        let kind = self.taken_for(to, kind);
        self.ask(to, id, |replica, now| replica.request(now, id, Request { kind, body }));
    }

    /// Whom a client asks: who leads as far as metadata knows, or anybody.
    pub(super) fn whom(&mut self) -> u64 {
        if self.chance.permille(150) { self.chance.between(1, self.profile.nodes) } else { self.metadata.row.leader.0 }
    }

    pub(super) fn ask(&mut self, to: u64, id: RequestId, act: impl FnOnce(&mut Replica, Moment)) {
        if self.node(to).replica.is_some() && !self.node(to).paused {
            self.with(to, act);
        } else {
            self.answered(id, Answer::NotLeader);
        }
    }

    pub(super) fn body(&mut self) -> Body {
        self.nonce += 1;
        let parts = [self.nonce.to_le_bytes(), self.chance.any().to_le_bytes()].concat();
        Body(parts.into())
    }

    pub(super) fn answered(&mut self, id: RequestId, answer: Answer) {
        let Some(sent) = self.clients.sent.remove(&id) else { return };
        if let Answer::Committed(point) = answer {
            self.clients.acknowledged = self.clients.acknowledged.max(point.index);
        }
        match (sent, answer) {
            (Sent::Batch { publisher, session, number }, answer @ (Answer::Committed(_) | Answer::Repeat)) => {
                if answer == Answer::Repeat {
                    self.coverage.count("repeats");
                }
                let one = &mut self.clients.publishers[publisher];
                let batch = Batch { session, ..batch(one, number) };
                one.acknowledged = one.acknowledged.max((session, number));
                let is_next = (one.session, one.next) == (session, number);
                if is_next {
                    (one.next, one.waits) = (number + 1, None);
                    let pause = self.chance.between(1, 120);
                    self.at(pause, Event::Publish { publisher });
                }
                let result = answered_when_committed::answered(&self.truth, &batch);
                self.check(result);
            }
            (Sent::Batch { publisher, session, .. }, Answer::Refused(Refusal::Fenced { .. }))
                if session < self.clients.publishers[publisher].session =>
            {
                self.coverage.count("batches fenced");
            }
            (Sent::Batch { number, .. }, Answer::Refused(refusal)) => {
                self.check(Err(format!("batch {number} is refused: {refusal}")));
            }
            (Sent::Seal, Answer::Committed(_) | Answer::Repeat) => {
                self.coverage.count("seals");
                self.clients.is_sealed = true;
                let sealed = self.truth.sealed.is_some();
                self.check(if sealed { Ok(()) } else { Err("a seal is acknowledged, and not committed".to_owned()) });
            }
            (Sent::Seal, Answer::Refused(refusal)) => self.check(Err(format!("the seal is refused: {refusal}"))),
            (Sent::Batch { .. } | Sent::Seal, _) => self.again(id),
            (Sent::End { acknowledged }, Answer::End(point)) => {
                self.coverage.count("ends told");
                self.check(ends_are_current::end(point.index, acknowledged));
            }
            (Sent::Last { acknowledged }, Answer::Publisher(known)) => {
                self.coverage.count("publishers' numbers told");
                let told = known.map_or((1, 0), |known| (known.session, known.last));
                self.check(ends_are_current::last(told, acknowledged));
            }
            _ => {}
        }
    }

    /// Whoever waits for that answer sends it again.
    fn again(&mut self, id: RequestId) {
        let waits = self.clients.publishers.iter().position(|publisher| publisher.waits == Some(id));
        if let Some(publisher) = waits {
            self.clients.publishers[publisher].waits = None;
            let pause = self.chance.between(10, 60);
            self.at(pause, Event::Publish { publisher });
        }
    }

    /// What others than publishers want.
    pub(super) fn wish(&mut self) {
        let to = self.whom();
        if self.strikes(self.profile.questions) {
            let acknowledged = self.clients.acknowledged;
            let id = self.clients.send(Sent::End { acknowledged });
            let replica = self.node(to).replica.as_ref();
            if self.planted == Some(Planted::UnconfirmedEnd)
                && let Some(replica) = replica
                && matches!(replica.standing(), Standing::Leads(_))
            {
                let end = replica.epochs().point(replica.committed()).unwrap_or_default();
                return self.answered(id, Answer::End(end));
            }
            self.ask(to, id, |replica, now| replica.question(now, id, Question::End));
        }
        if self.strikes(self.profile.questions / 2) {
            let Publisher { name, acknowledged, .. } = self.clients.publishers[0].clone();
            let id = self.clients.send(Sent::Last { acknowledged });
            self.ask(to, id, |replica, now| replica.question(now, id, Question::Publisher(name)));
        }
        if self.strikes(self.profile.notes) {
            let id = self.clients.send(Sent::Note);
            let kind = self.note();
            self.request(to, id, kind);
        }
        if self.strikes(self.profile.trims) {
            let index = Index(self.chance.below(self.truth.end().0 + 1));
            let id = self.clients.send(Sent::Trim);
            let request = Request { kind: Kind::Trim(index), body: Body::default() };
            self.ask(to, id, |replica, now| replica.request(now, id, request));
        }
    }

    /// An entry without records: mostly none of a publisher's, else that one leaves, or is done, after a batch that was its last once.
    fn note(&mut self) -> Kind {
        let publisher = &self.clients.publishers[0];
        let (last, is_late) = (publisher.next - 1, self.chance.permille(300));
        if last == 0 || !self.chance.permille(250) {
            return Kind::Note;
        }
        let number = if is_late { self.chance.between(1, last) } else { last };
        if number < last {
            self.coverage.count("leaves before the last batch");
        }
        let batch = batch(&self.clients.publishers[0], number);
        if self.chance.permille(500) { Kind::Leave(batch) } else { Kind::Done(batch) }
    }
}

fn batch(publisher: &Publisher, number: u64) -> Batch {
    Batch { publisher: publisher.name.clone(), session: publisher.session, number }
}
