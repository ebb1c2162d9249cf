//! What clients send, and what they are told.

use dag_replica::{Answer, Batch, Body, Index, Kind, Moment, Question, Replica, Request, RequestId, Standing};

use super::{Event, World};
use crate::clients::Sent;
use crate::invariants::{answered_when_committed, ends_are_current};
use crate::planted::Planted;

impl World {
    pub(super) fn publish(&mut self, at: usize) {
        let publisher = &self.clients.publishers[at];
        if publisher.waits.is_some() || publisher.next > publisher.last {
            return;
        }
        let (name, number) = (publisher.name.clone(), publisher.next);
        let batch = Batch { publisher: name, session: 1, number };
        let id = self.clients.send(Sent::Batch { publisher: at, number });
        self.clients.publishers[at].waits = Some(id);
        let patience = self.chance.between(100, 600);
        self.at(patience, Event::GiveUp { publisher: at, id });
        let to = self.whom();
        if self.planted == Some(Planted::RepeatAnsweredEarly) {
            let written =
                self.node(to).replica.as_ref().and_then(|replica| replica.written().publishers.get(&batch.publisher));
            let leads = matches!(self.node(to).replica.as_ref().map(Replica::standing), Some(Standing::Leads(_)));
            if leads && written.is_some_and(|known| known.last >= number) {
                return self.answered(id, Answer::Repeat);
            }
        }
        let request = Request { kind: Kind::Records(Some(batch)), body: self.body() };
        self.ask(to, id, |replica, now| replica.request(now, id, request));
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
            (Sent::Batch { publisher, number }, answer @ (Answer::Committed(_) | Answer::Repeat)) => {
                if answer == Answer::Repeat {
                    self.coverage.count("repeats");
                }
                let result =
                    answered_when_committed::answered(&self.truth, &self.clients.publishers[publisher].name, number);
                self.check(result);
                let one = &mut self.clients.publishers[publisher];
                if one.next == number {
                    (one.next, one.waits) = (number + 1, None);
                    let pause = self.chance.between(1, 120);
                    self.at(pause, Event::Publish { publisher });
                }
            }
            (Sent::Batch { number, .. }, Answer::Refused(refusal)) => {
                self.check(Err(format!("batch {number} is refused: {refusal}")));
            }
            (Sent::Batch { publisher, .. }, _) if self.clients.publishers[publisher].waits == Some(id) => {
                self.clients.publishers[publisher].waits = None;
                let pause = self.chance.between(10, 60);
                self.at(pause, Event::Publish { publisher });
            }
            (Sent::End { acknowledged }, Answer::End(point)) => {
                self.coverage.count("ends told");
                self.check(ends_are_current::end(point.index, acknowledged));
            }
            (Sent::Last { acknowledged, .. }, Answer::Publisher(known)) => {
                self.coverage.count("publishers' numbers told");
                self.check(ends_are_current::last(known.map_or(0, |known| known.last), acknowledged));
            }
            _ => {}
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
            let publisher = 0;
            let (name, acknowledged) = (self.clients.publishers[0].name.clone(), self.clients.publishers[0].next - 1);
            let id = self.clients.send(Sent::Last { publisher, acknowledged });
            self.ask(to, id, |replica, now| replica.question(now, id, Question::Publisher(name)));
        }
        if self.strikes(self.profile.notes) {
            let id = self.clients.send(Sent::Note);
            let request = Request { kind: self.note(), body: self.body() };
            self.ask(to, id, |replica, now| replica.request(now, id, request));
        }
        if self.strikes(self.profile.trims) {
            let index = Index(self.chance.below(self.truth.end().0 + 1));
            let id = self.clients.send(Sent::Trim);
            let request = Request { kind: Kind::Trim(index), body: Body::default() };
            self.ask(to, id, |replica, now| replica.request(now, id, request));
        }
    }

    /// An entry without records: mostly none of a publisher's, else that one leaves after the last batch that it knows of.
    pub(super) fn note(&mut self) -> Kind {
        let publisher = &self.clients.publishers[0];
        let batch = Batch { publisher: publisher.name.clone(), session: 1, number: publisher.next - 1 };
        if batch.number > 0 && self.chance.permille(250) { Kind::Leave(batch) } else { Kind::Note }
    }
}
