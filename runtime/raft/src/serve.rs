//! What a voter does with what other nodes ask of it.

use bytes::Bytes;
use dag_model::NodeId;
use dag_plan::Proposal;
use dag_plan::plan::rows::Arriving;
use dag_transport::{Receiver, Refusal, Remote, Sender};
use openraft::{Snapshot, SnapshotMeta};
use tokio::time::{Instant, timeout};

use crate::door::{ask, outcome};
use crate::error::Code;
use crate::limits::{FOLLOW_PULSE, MAX_SNAPSHOT, PART, PROPOSE};
use crate::message::{self, Change, Part, Request, SnapshotHead};
use crate::network;
use crate::queue::Lost;
use crate::types::Vote;
use crate::voter::{Shared, Voter};

fn form(error: impl ToString) -> Refusal {
    Code::Form.refusal(error)
}

fn ended(error: impl ToString) -> Refusal {
    Code::Ended.refusal(error)
}

fn lost(lost: Lost) -> Refusal {
    match lost {
        Lost::NotHere(why) => Code::NotHere.refusal(why),
        Lost::Unknown(why) => Code::Unknown.refusal(why),
        Lost::Busy => Code::Busy.refusal("too many proposals wait"),
        Lost::Ended(why) => Code::Ended.refusal(why),
    }
}

impl Voter {
    /// Answers a request.
    pub async fn request(&self, from: &Remote, request: &[u8]) -> Result<Bytes, Refusal> {
        let shared = &self.shared;
        match Request::decode(request).map_err(form)? {
            Request::Append(append) => {
                shared.speaks_for_itself(from, &append.vote)?;
                let answer = shared.raft.append_entries(append).await.map_err(ended)?;
                Ok(message::put_appended(&answer))
            }
            Request::Elect(elect) => {
                shared.speaks_for_itself(from, &elect.vote)?;
                let answer = shared.raft.vote(elect).await.map_err(ended)?;
                Ok(message::put_elected(&answer))
            }
            Request::Propose { onward, proposal } => shared.propose_for(onward, proposal).await,
            Request::Read { onward } => shared.read_for(onward).await,
        }
    }

    /// Takes what another node brings.
    pub async fn upload(&self, from: &Remote, head: &[u8], parts: &mut Receiver) -> Result<Bytes, Refusal> {
        let SnapshotHead { vote, place, members } = SnapshotHead::decode(head).map_err(form)?;
        self.shared.speaks_for_itself(from, &vote)?;
        let (mut arriving, mut bytes) = (Arriving::default(), 0);
        while let Some(part) = parts.next().await.map_err(form)? {
            bytes += part.len() as u64;
            if bytes > MAX_SNAPSHOT {
                return Err(form(format!("a snapshot has at most {MAX_SNAPSHOT} bytes")));
            }
            arriving.take(&part).map_err(form)?;
        }
        let snapshot = Box::new(arriving.whole().map_err(form)?);
        let snapshot_id = place.map_or_else(String::new, |place| {
            format!("{}-{}-{}", place.leader_id.term, place.leader_id.node_id, place.index)
        });
        let meta = SnapshotMeta { last_log_id: place, last_membership: members, snapshot_id };
        let installed = self.shared.raft.install_full_snapshot(vote, Snapshot { meta, snapshot }).await;
        Ok(message::put_vote(&installed.map_err(ended)?.vote))
    }

    /// Sends another node the plan, and what changes it from then on, until that node is gone.
    pub async fn download(&self, head: &[u8], parts: &mut Sender) -> Result<(), Refusal> {
        let mut from = message::follow(head).map_err(form)?;
        let view = &self.shared.view;
        let mut next = view.next();
        let mut metrics = self.shared.raft.metrics();
        loop {
            next.borrow_and_update();
            if let Err(fatal) = &metrics.borrow_and_update().running_state {
                return Err(ended(fatal));
            }
            match from.and_then(|from| view.since(from, PART)) {
                None => {
                    let (plan, next) = view.now();
                    for rows in network::parts(&plan) {
                        parts.send(Part::Rows(rows).encode()).await.map_err(ended)?;
                    }
                    parts.send(Part::Whole(next).encode()).await.map_err(ended)?;
                    from = Some(next);
                    parts.send(self.shared.pulse(next).encode()).await.map_err(ended)?;
                }
                Some((done, behind)) if from != Some(behind) => {
                    let change = |done: &crate::view::Done| Change {
                        index: done.index,
                        revision: done.revision,
                        group: done.group.clone(),
                    };
                    let changes = done.iter().map(change).collect();
                    parts.send(Part::Changes(behind, changes).encode()).await.map_err(ended)?;
                    from = Some(behind);
                }
                Some((_, behind)) => match timeout(FOLLOW_PULSE, next.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(ended("it stops")),
                    Err(_) => parts.send(self.shared.pulse(behind).encode()).await.map_err(ended)?,
                },
            }
        }
    }
}

impl Shared {
    /// Nobody speaks for a leader or a candidate but itself, with the folder that has the seat.
    fn speaks_for_itself(&self, from: &Remote, vote: &Vote) -> Result<(), Refusal> {
        let speaker = NodeId(vote.leader_id.node_id);
        if speaker != from.node {
            return Err(Code::Sender.refusal(format!("node {} speaks for node {speaker}", from.node)));
        }
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        match metrics.membership_config.membership().get_node(&speaker.0) {
            Some(seat) if seat.folder != from.folder.0 => {
                Err(Code::Sender.refusal(format!("node {speaker} has a seat with another folder than this one")))
            }
            _ => Ok(()),
        }
    }

    async fn propose_for(&self, onward: bool, bytes: Bytes) -> Result<Bytes, Refusal> {
        let proposal = Proposal::decode(&bytes).map_err(form)?;
        let deadline = Instant::now() + PROPOSE;
        let went = match self.agrees() {
            Ok(leader) if leader == self.node => self.here(bytes, &proposal, deadline).await,
            Ok(leader) if onward => {
                let request = Request::Propose { onward: false, proposal: bytes };
                outcome(ask(&self.peers, leader, &request, deadline).await, message::went)
            }
            Ok(leader) => Err(Lost::NotHere(format!("node {leader} leads"))),
            Err(no_majority) => Err(Lost::NotHere(no_majority.to_string())),
        };
        went.map(message::put_went).map_err(lost)
    }

    async fn read_for(&self, onward: bool) -> Result<Bytes, Refusal> {
        let deadline = Instant::now() + PROPOSE;
        match self.leader() {
            Some(leader) if leader == self.node => {
                let next = self.read_here(deadline).await.map_err(|why| Code::NotHere.refusal(why))?;
                Ok(next.to_le_bytes().to_vec().into())
            }
            Some(leader) if onward => {
                let answer = ask(&self.peers, leader, &Request::Read { onward: false }, deadline).await;
                answer.map_err(|error| Code::NotHere.refusal(error))
            }
            Some(leader) => Err(Code::NotHere.refusal(format!("node {leader} leads"))),
            None => Err(Code::NotHere.refusal("nobody leads")),
        }
    }

    fn pulse(&self, next: u64) -> Part {
        let metrics = self.raft.metrics();
        let voters = metrics.borrow().membership_config.membership().voter_ids().map(NodeId).collect();
        Part::Pulse { next, agrees: self.agrees().is_ok(), voters }
    }
}
