//! A node that votes on the metadata, or is to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dag_lock::Mutex;
use dag_metadata::Store;
use dag_model::NodeId;
use dag_plan::Proposal;
use dag_transport::identity::FolderId;
use openraft::error::{ClientWriteError, Fatal, RaftError};
use openraft::{RaftMetrics, SnapshotPolicy, StorageHelper};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::door::Door;
use crate::error::{NoMajority, NotCurrent, StartError};
use crate::limits::{KEPT, LOG_SINCE_SNAPSHOT, MAX_UNDER_WAY, PROPOSE, SNAPSHOT};
use crate::log::Log;
use crate::machine::Machine;
use crate::message::MAX_APPENDED;
use crate::network::{Network, Peers};
use crate::queue::{Item, Lost, Queue, is_urgent};
use crate::types::{Group, Seat, Types};
use crate::view::View;
use crate::voters;

/// What a voter needs.
pub struct Config {
    /// Its number.
    pub node: NodeId,
    /// Its folder of data.
    pub folder: FolderId,
    /// How others are spoken to.
    pub peers: Peers,
    /// How long it waits for whom.
    pub times: Times,
    /// Its log.
    pub log: Log,
    /// The plan, as of its last snapshot.
    pub machine: Machine,
}

/// How long voters wait for each other.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How often a leader is heard of, and how long an answer to it may take, a sync included.
    pub heartbeat: Duration,
    /// For how long nothing of a leader has to be heard before somebody stands; each draws between these. A leader that dies is followed by
    /// another after the second and one more of these.
    pub election: [Duration; 2],
}

impl Default for Times {
    fn default() -> Times {
        let ms = Duration::from_millis;
        Times { heartbeat: ms(100), election: [ms(300), ms(600)] }
    }
}

type Metrics = RaftMetrics<u64, Seat>;

/// See the module. Others are answered by [`request`](Voter::request), [`upload`](Voter::upload) and [`download`](Voter::download), which whoever
/// serves their connections calls.
pub struct Voter {
    pub(crate) shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

pub(crate) struct Shared {
    pub node: NodeId,
    pub seat: Seat,
    pub raft: openraft::Raft<Types>,
    pub view: Arc<View>,
    pub peers: Peers,
    pub queue: Queue,
    pub machine: Machine,
    times: Times,
    /// Since when nobody leads, as far as this node knows.
    leaderless: Mutex<Option<Instant>>,
    /// Held while who votes is changed from here.
    pub changing: tokio::sync::Mutex<()>,
}

impl Voter {
    /// Takes part, as whatever it was when it stopped.
    pub async fn start(config: Config) -> Result<Voter, StartError> {
        let Config { node, folder, peers, times, mut log, mut machine } = config;
        let seat = Seat { folder: folder.0 };
        let raft = |error: &dyn std::fmt::Display| StartError::Raft(error.to_string());
        let members = StorageHelper::<Types, _, _>::new(&mut log, &mut machine).get_membership().await;
        let members = members.map_err(|error| raft(&error))?;
        if let Some(found) = members.effective().membership().get_node(&node.0).filter(|found| **found != seat) {
            return Err(StartError::Seat { node, seat: found.folder, found: seat.folder });
        }
        let settings = Arc::new(settings(&times).validate().map_err(|error| raft(&error))?);
        let network = Network { peers: peers.clone() };
        let started = openraft::Raft::new(node.0, settings, network, log, machine.clone()).await;
        let shared = Arc::new(Shared {
            node,
            seat,
            raft: started.map_err(|error| raft(&error))?,
            view: machine.view().clone(),
            peers,
            queue: Queue::new(),
            machine,
            times,
            leaderless: Mutex::new("leaderless", Some(Instant::now())),
            changing: tokio::sync::Mutex::new(()),
        });
        let tasks = vec![
            tokio::spawn(dag_alarm::task("proposals", shared.clone().propose_all())),
            tokio::spawn(dag_alarm::task("who leads", shared.clone().watch_leader())),
            tokio::spawn(dag_alarm::task("snapshots of the metadata", shared.clone().snapshot_all())),
            tokio::spawn(dag_alarm::task("who votes", voters::reconcile(shared.clone()))),
        ];
        Ok(Voter { shared, tasks })
    }

    /// The door, once this node's plan is known to be current: until then it must serve, start and remove nothing.
    pub async fn door(&self, within: Duration) -> Result<Door, NotCurrent> {
        let door = Door::of_voter(self.shared.clone());
        door.catch_up(within).await?;
        Ok(door)
    }

    /// Whether the cluster can agree, as this node sees it, and who leads.
    pub fn agrees(&self) -> Result<NodeId, NoMajority> {
        self.shared.agrees()
    }

    /// Resolves when this node takes no part any more, and says why: its log or its plan cannot be written or read. The process has to end,
    /// since what it has promised may be lost.
    pub async fn ended(&self) -> String {
        self.shared.ended().await
    }

    /// What Raft says of itself.
    pub fn metrics(&self) -> Metrics {
        self.shared.raft.metrics().borrow().clone()
    }

    /// Brings the tables up to what the plan is now, so that another program finds it there and a start has less to do.
    pub async fn snapshot(&self, within: Duration) -> Result<(), StartError> {
        let raft = |error: &dyn std::fmt::Display| StartError::Raft(error.to_string());
        self.shared.raft.trigger().snapshot().await.map_err(|error| raft(&error))?;
        let applied = self.metrics().last_applied;
        let taken = self.shared.raft.wait(Some(within));
        let taken = taken.metrics(|metrics| metrics.snapshot >= applied, "a snapshot").await;
        taken.map(drop).map_err(|error| raft(&error))
    }

    /// Where the tables are.
    pub fn store(&self) -> &Store {
        self.shared.machine.store()
    }

    /// Stops. Its files can be opened again once nobody has it any more.
    pub async fn stop(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        // An error means that it has panicked, and is gone all the same.
        let _ = self.shared.raft.shutdown().await;
    }
}

impl Drop for Voter {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn settings(times: &Times) -> openraft::Config {
    let ms = |time: Duration| u64::try_from(time.as_millis()).expect("it is short");
    openraft::Config {
        cluster_name: "metadata".to_owned(),
        heartbeat_interval: ms(times.heartbeat),
        election_timeout_min: ms(times.election[0]),
        election_timeout_max: ms(times.election[1]),
        install_snapshot_timeout: ms(SNAPSHOT),
        max_payload_entries: MAX_APPENDED as u64,
        // They are taken by bytes, below.
        snapshot_policy: SnapshotPolicy::Never,
        replication_lag_threshold: 2 * KEPT,
        max_in_snapshot_log_to_keep: KEPT,
        purge_batch_size: 256,
        ..openraft::Config::default()
    }
}

impl Shared {
    fn metrics<T>(&self, look: impl FnOnce(&Metrics) -> T) -> T {
        look(&self.raft.metrics().borrow())
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.metrics(|metrics| metrics.current_leader.map(NodeId))
    }

    pub fn agrees(&self) -> Result<NodeId, NoMajority> {
        let (leader, silent, ended) = self.metrics(|metrics| {
            (metrics.current_leader, metrics.millis_since_quorum_ack, metrics.running_state.is_err())
        });
        match leader.map(NodeId) {
            // What it knew last is no news.
            _ if ended => Err(NoMajority::NoVoter("this node takes no part any more".to_owned())),
            Some(leader) if leader == self.node => {
                let silent = Duration::from_millis(silent.unwrap_or(0));
                if silent > self.times.election[1] { Err(NoMajority::Silent(silent)) } else { Ok(leader) }
            }
            Some(leader) => Ok(leader),
            None => Err(NoMajority::NoLeader(self.leaderless())),
        }
    }

    /// How long nobody leads, as far as this node knows.
    pub fn leaderless(&self) -> Duration {
        self.leaderless.lock().map_or(Duration::ZERO, |since| since.elapsed())
    }

    async fn watch_leader(self: Arc<Self>) {
        let mut metrics = self.raft.metrics();
        loop {
            let led = metrics.borrow_and_update().current_leader.is_some();
            {
                let mut leaderless = self.leaderless.lock();
                *leaderless = if led { None } else { leaderless.or_else(|| Some(Instant::now())) };
            }
            if metrics.changed().await.is_err() {
                return;
            }
        }
    }

    pub async fn ended(&self) -> String {
        let mut metrics = self.raft.metrics();
        let ended = metrics.wait_for(|metrics| metrics.running_state.is_err()).await;
        let fatal = ended.ok().and_then(|metrics| metrics.running_state.as_ref().err().map(Fatal::to_string));
        fatal.unwrap_or_else(|| Fatal::<u64>::Stopped.to_string())
    }

    /// Lets a proposal wait for an entry of this node, which leads.
    pub fn push(&self, bytes: Bytes, proposal: &Proposal) -> Result<crate::queue::Ticket, Lost> {
        self.queue.push(bytes, is_urgent(proposal))
    }

    /// Makes entries of what waits, a few at a time.
    async fn propose_all(self: Arc<Self>) {
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        loop {
            let permit = under_way.clone().acquire_owned().await.expect("it is not closed");
            let items = self.queue.take().await;
            let raft = self.raft.clone();
            // Who waits has a limit of its own; what never comes to anything here gives its place back.
            tokio::spawn(dag_alarm::task("a proposal", async move {
                propose(&raft, items).await;
                drop(permit);
            }));
        }
    }

    /// Has a snapshot taken whenever there is much that is in none.
    async fn snapshot_all(self: Arc<Self>) {
        let mut next = self.view.next();
        let mut taken = *next.borrow();
        while next.changed().await.is_ok() {
            let now = *next.borrow_and_update();
            let (bytes, entries) = LOG_SINCE_SNAPSHOT;
            if self.machine.bytes_since_snapshot() > bytes || now.saturating_sub(taken) > entries {
                taken = now;
                if self.raft.trigger().snapshot().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Makes an entry of some proposals, and says where each of them went.
async fn propose(raft: &openraft::Raft<Types>, items: Vec<Item>) {
    let proposals: Vec<Bytes> = items.iter().map(|item| item.proposal.clone()).collect();
    let written = timeout(PROPOSE, raft.client_write(Group::of(&proposals))).await;
    let lost = match written {
        Ok(Ok(written)) => {
            let index = written.log_id.index;
            return items.into_iter().enumerate().for_each(|(place, item)| item.answer(Ok((index, place))));
        }
        // Of those that a leader has appended and another one has taken back, no more than one of three voters had it.
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => {
            Lost::NotHere("another node leads now".to_owned())
        }
        Ok(Err(RaftError::APIError(error))) => Lost::Unknown(error.to_string()),
        // It may have gone out before.
        Ok(Err(RaftError::Fatal(fatal))) => Lost::Unknown(fatal.to_string()),
        Err(_) => Lost::Unknown(format!("a majority has not answered within {PROPOSE:?}")),
    };
    items.into_iter().for_each(|item| item.answer(Err(lost.clone())));
}
