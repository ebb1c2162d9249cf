//! How Raft speaks to other voters: small things over control, snapshots over data.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use dag_model::NodeId;
use dag_plan::Plan;
use dag_transport::{Class, Peer, RequestError};
use openraft::Snapshot;
use openraft::error::{Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};

use crate::limits::{BACKOFF, PART};
use crate::message::{self, Request, SnapshotHead};
use crate::types::{Seat, Types, Vote};

/// Where other nodes are spoken to.
pub type Peers = Arc<dyn Fn(NodeId) -> Peer + Send + Sync>;

type Failed = RPCError<u64, Seat, RaftError<u64>>;

/// The way to all of them.
pub(crate) struct Network {
    pub peers: Peers,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Way;

    async fn new_client(&mut self, target: u64, seat: &Seat) -> Way {
        Way { peer: (self.peers)(NodeId(target)), seat: *seat }
    }
}

/// The way to one.
pub(crate) struct Way {
    peer: Peer,
    /// With which folder it votes.
    seat: Seat,
}

/// Another folder answers in the place of the one that votes.
#[derive(Debug, thiserror::Error)]
#[error("node {0} answers with another folder than the one that votes")]
struct Another(NodeId);

/// Why something came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Why(String);

impl Way {
    /// Asks, unless it is another folder that answers.
    async fn ask(&self, request: &Request, within: Duration) -> Result<Bytes, Failed> {
        let remote = self.peer.remote(Class::Control).await.map_err(|error| Unreachable::new(&error))?;
        if remote.folder.0 != self.seat.folder {
            return Err(Unreachable::new(&Another(self.peer.node())).into());
        }
        self.peer.request(request.encode(), within).await.map_err(|error| match error {
            RequestError::Down(_) => Unreachable::new(&error).into(),
            error => NetworkError::new(&error).into(),
        })
    }

    async fn send(&self, head: Bytes, plan: &Plan) -> Result<Vote, Why> {
        let why = |error: &dyn std::fmt::Display| Why(error.to_string());
        let mut upload = self.peer.upload(head).await.map_err(|error| why(&error))?;
        for part in parts(plan) {
            upload.send(part).await.map_err(|error| why(&error))?;
        }
        let answer = upload.finish().await.map_err(|error| why(&error))?;
        message::vote(&answer).map_err(|error| why(&error))
    }
}

/// A plan's rows, some in a part.
pub(crate) fn parts(plan: &Plan) -> impl Iterator<Item = Bytes> {
    let mut rows = plan.snapshot().peekable();
    std::iter::from_fn(move || {
        let mut part = BytesMut::from(&*rows.next()?);
        while let Some(row) = rows.next_if(|row| part.len() + row.len() <= PART) {
            part.put_slice(&row);
        }
        Some(part.freeze())
    })
}

impl RaftNetwork<Types> for Way {
    async fn append_entries(
        &mut self,
        append: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failed> {
        let answer = self.ask(&Request::Append(append), option.hard_ttl()).await?;
        message::appended(&answer).map_err(|error| NetworkError::new(&error).into())
    }

    async fn vote(&mut self, elect: VoteRequest<u64>, option: RPCOption) -> Result<VoteResponse<u64>, Failed> {
        let answer = self.ask(&Request::Elect(elect), option.hard_ttl()).await?;
        message::elected(&answer).map_err(|error| NetworkError::new(&error).into())
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<Types, Fatal<u64>>> {
        let Snapshot { meta, snapshot: plan } = snapshot;
        let head = SnapshotHead { vote, place: meta.last_log_id, members: meta.last_membership };
        let sent = tokio::select! {
            closed = cancel => return Err(closed.into()),
            sent = tokio::time::timeout(option.hard_ttl(), self.send(head.encode(), &plan)) => sent,
        };
        let why = |why: String| StreamingError::Unreachable(Unreachable::new(&Why(why)));
        let vote = sent.map_err(|_| why(format!("a snapshot took longer than {:?}", option.hard_ttl())))?;
        vote.map(SnapshotResponse::new).map_err(|Why(error)| why(error))
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(BACKOFF))
    }
}
