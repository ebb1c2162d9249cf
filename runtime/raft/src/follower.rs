//! A node that follows the plan and does not vote: a snapshot, then what changes it, from whichever voter, without a log.

use std::sync::Arc;
use std::time::{Duration, Instant as Steady};

use bytes::Bytes;
use dag_lock::Mutex;
use dag_model::NodeId;
use dag_plan::plan::rows::Arriving;
use dag_plan::{Plan, apply};
use dag_transport::Download;
use dag_transport::limits::DIAL;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::door::{Door, ask, outcome};
use crate::error::{NoMajority, NotCurrent, ProposeError};
use crate::limits::{AGAIN, BACKOFF, FOLLOW_SILENCE, MAX_SEATS, MAX_SNAPSHOT, WINDOW};
use crate::message::{self, Change, Part, Request, Went};
use crate::network::Peers;
use crate::queue::Lost;
use crate::types::Answers;
use crate::view::{Done, View};

/// See the module.
pub struct Follower {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

pub(crate) struct Shared {
    pub view: Arc<View>,
    peers: Peers,
    voters: Mutex<Voters>,
}

struct Voters {
    /// Who votes, the one that is followed first.
    known: Vec<NodeId>,
    /// When something came last; none before anything has.
    heard: Option<Steady>,
}

impl Follower {
    /// Follows, beginning with one of these.
    pub fn start(peers: Peers, voters: Vec<NodeId>) -> Follower {
        let voters = Voters { known: voters, heard: None };
        let shared = Arc::new(Shared {
            view: Arc::new(View::of(Arc::default(), 0)),
            peers,
            voters: Mutex::new("voters", voters),
        });
        let task = tokio::spawn(dag_alarm::task("following the metadata", shared.clone().follow()));
        Follower { shared, task }
    }

    /// The door, once this node's plan is known to be current.
    pub async fn door(&self, within: Duration) -> Result<Door, NotCurrent> {
        let door = Door::of_follower(self.shared.clone());
        door.catch_up(within).await?;
        Ok(door)
    }

    /// How long nothing has come from a voter that can agree with others; none where nothing ever has.
    pub fn silence(&self) -> Option<Duration> {
        self.shared.voters.lock().heard.map(|heard| heard.elapsed())
    }

    /// Who votes, as far as is known, the one that is followed first.
    pub fn voters(&self) -> Vec<NodeId> {
        self.shared.voters.lock().known.clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Follows one voter after the other.
    async fn follow(self: Arc<Self>) {
        let mut begun = false;
        loop {
            let Some(voter) = self.voters.lock().known.first().copied() else { return };
            let why = match self.follow_one(voter, &mut begun).await {
                Ok(never) => match never {},
                Err(why) => why,
            };
            tracing::debug!(%voter, why, "another voter is followed");
            {
                let mut voters = self.voters.lock();
                if let Some(at) = voters.known.iter().position(|known| *known == voter) {
                    let voter = voters.known.remove(at);
                    voters.known.push(voter);
                }
            }
            sleep(BACKOFF).await;
        }
    }

    /// Follows one; where it has `begun` already, from where it is.
    async fn follow_one(&self, voter: NodeId, begun: &mut bool) -> Result<std::convert::Infallible, String> {
        let from = begun.then(|| *self.view.next().borrow());
        let download = (self.peers)(voter);
        let download = timeout(DIAL + FOLLOW_SILENCE, download.download(message::put_follow(from), WINDOW)).await;
        let mut download = download.map_err(|_| "it does not answer")?.map_err(|error| error.to_string())?;
        let mut agreed = Steady::now();
        loop {
            match self.next(&mut download).await? {
                Part::Rows(rows) => {
                    // Until it is whole, what is here is as it was.
                    let (plan, next) = self.snapshot(rows, &mut download).await?;
                    self.view.begin_anew(Arc::new(plan), next);
                    *begun = true;
                }
                Part::Changes(next, changes) => {
                    if let Err(why) = self.take(next, &changes) {
                        // It does not fit: all is asked for anew.
                        *begun = false;
                        return Err(why);
                    }
                }
                Part::Pulse { agrees, voters, .. } => {
                    if agrees {
                        agreed = Steady::now();
                    }
                    self.learn(voter, voters);
                }
                Part::Whole(_) => return Err("a snapshot ended that had not begun".to_owned()),
            }
            if agreed.elapsed() > FOLLOW_SILENCE {
                return Err("it cannot agree with the others".to_owned());
            }
            self.voters.lock().heard = Some(Steady::now());
        }
    }

    async fn next(&self, download: &mut Download) -> Result<Part, String> {
        let part = timeout(FOLLOW_SILENCE, download.next()).await.map_err(|_| "nothing comes from it any more")?;
        let part = part.map_err(|error| error.to_string())?.ok_or("it sends no more")?;
        Part::decode(&part).map_err(|error| error.to_string())
    }

    async fn snapshot(&self, first: Bytes, download: &mut Download) -> Result<(Plan, u64), String> {
        let (mut arriving, mut bytes, mut rows) = (Arriving::default(), 0, first);
        loop {
            bytes += rows.len() as u64;
            if bytes > MAX_SNAPSHOT {
                return Err(format!("a snapshot has at most {MAX_SNAPSHOT} bytes"));
            }
            arriving.take(&rows).map_err(|error| error.to_string())?;
            match self.next(download).await? {
                Part::Rows(more) => rows = more,
                Part::Whole(next) => return Ok((arriving.whole().map_err(|error| error.to_string())?, next)),
                Part::Changes(..) | Part::Pulse { .. } => return Err("a snapshot is broken off".to_owned()),
            }
        }
    }

    /// Applies what was agreed on.
    fn take(&self, next: u64, changes: &[Change]) -> Result<(), String> {
        let (plan, mut at) = self.view.now();
        let (mut plan, mut done, mut touched) = ((*plan).clone(), Vec::new(), Vec::new());
        for Change { index, revision, group } in changes {
            if *index < at || *index >= next {
                return Err(format!("entry {index} came where those from {at} to {next} were to"));
            }
            at = index + 1;
            let mut answers = Vec::new();
            for proposal in group.proposals() {
                let outcome = apply(&mut plan, &proposal?);
                touched.extend(outcome.iter().flat_map(|applied| applied.touched.iter().cloned()));
                answers.push(outcome);
            }
            if plan.revision() != *revision {
                return Err(format!(
                    "entry {index} leads to revision {} here, and to {revision} there",
                    plan.revision()
                ));
            }
            let (index, revision, group) = (*index, *revision, group.clone());
            done.push(Done { index, group, revision, answers: Arc::new(Answers(answers)) });
        }
        self.view.advance(Arc::new(plan), next.max(at), done, &touched);
        Ok(())
    }

    /// Learns who votes.
    fn learn(&self, followed: NodeId, told: Vec<NodeId>) {
        let mut voters = self.voters.lock();
        if told.is_empty() || told.len() > MAX_SEATS {
            return;
        }
        voters.known.retain(|known| told.contains(known));
        for node in told {
            if !voters.known.contains(&node) {
                voters.known.push(node);
            }
        }
        // Who does not vote any more is left for one who does, when it is gone.
        if let Some(at) = voters.known.iter().position(|known| *known == followed) {
            voters.known.swap(0, at);
        }
    }

    /// Asks one voter after the other until one knows.
    async fn any<T>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, crate::form::FormError>,
        deadline: Instant,
    ) -> Result<T, Lost> {
        loop {
            let voters = self.voters.lock().known.clone();
            let mut why = "none is known".to_owned();
            for voter in voters {
                match outcome(ask(&self.peers, voter, request, deadline).await, &read) {
                    Err(Lost::NotHere(not_here)) => why = not_here,
                    other => return other,
                }
            }
            if Instant::now() + AGAIN >= deadline {
                return Err(Lost::NotHere(why));
            }
            sleep(AGAIN).await;
        }
    }

    /// Brings a proposal into an entry, by way of a voter.
    pub async fn send(&self, proposal: Bytes, deadline: Instant) -> Result<Went, ProposeError> {
        let request = Request::Propose { onward: true, proposal };
        let went = self.any(&request, message::went, deadline).await;
        went.map_err(|lost| match lost {
            Lost::NotHere(why) => NoMajority::NoVoter(why).into(),
            lost => lost.into(),
        })
    }

    /// The index behind all that was agreed on before this was called.
    pub async fn read(&self, deadline: Instant) -> Result<u64, String> {
        let agreed = self.any(&Request::Read { onward: true }, message::agreed, deadline).await;
        agreed.map_err(|lost| ProposeError::from(lost).to_string())
    }
}
