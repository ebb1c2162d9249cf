//! Bringing what became of an incarnation into the plan. Until that is there, or cannot come there any more, it is not started again.

use std::time::Duration;

use dag_model::IncarnationId;
use dag_plan::{Applied, Change, Ending, Proposal, Skipped};
use tokio::sync::oneshot;

use crate::computations::error::StartError;
use crate::computations::{Computations, State};
use crate::metadata::MetaError;

/// Why an incarnation has ended before all of it was there, as its readers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It cannot go on.
    Failed(String),
    /// It has read records that are lost.
    Lost {
        /// Its stream.
        stream: String,
        /// What was lost.
        why: String,
    },
}

/// How long it takes until what the disk did not take is tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl Computations {
    /// An incarnation comes to that end as soon as the plan takes it.
    pub(super) fn end(&self, state: &mut State, id: IncarnationId, how: Ending) {
        state.runs.await_end(id);
        let (node, sent) = (self.clone(), self.send_end(id, &how));
        self.inner.tasks.spawn(dag_alarm::task("ending", async move { node.keep_end(id, how, sent).await }));
    }

    /// An incarnation has emitted all that it ever will. It is finished once that is on disk: nobody computes it again.
    pub(super) fn finish(&self, state: &mut State, id: IncarnationId) {
        state.runs.await_end(id);
        let node = self.clone();
        self.inner.tasks.spawn(dag_alarm::task("finishing", async move {
            let how = match node.output_kept(id).await {
                Ok(()) => Ending::Finished,
                Err(error) => Ending::Failed(format!("all of it is there, and cannot be kept: {error}")),
            };
            let sent = node.send_end(id, &how);
            node.keep_end(id, how, sent).await;
        }));
    }

    fn send_end(&self, id: IncarnationId, how: &Ending) -> Sent {
        self.inner.meta.send(Proposal::of([Change::End { incarnation: id, how: how.clone() }]))
    }

    /// An incarnation skips a record from now on, and is tried again without it.
    pub(super) fn skip(&self, state: &mut State, id: IncarnationId, record: Skipped) {
        state.runs.await_end(id);
        let node = self.clone();
        self.inner.tasks.spawn(dag_alarm::task("skipping", async move {
            // Where it is not kept, the record is found once more.
            node.keep(Change::Skip { incarnation: id, record }).await;
            node.compared_after(id);
        }));
    }

    async fn output_kept(&self, id: IncarnationId) -> Result<(), StartError> {
        loop {
            let logs = self.inner.logs.clone();
            let sync = move || Ok(logs.get(id)?.sync().wait()?);
            match self.inner.starts.run(id, sync).await {
                Err(StartError::Full(_)) => tokio::time::sleep(AGAIN).await,
                kept => return kept,
            }
        }
    }

    /// Waits for an end that was proposed, and proposes it again where the disk does not take it.
    async fn keep_end(&self, id: IncarnationId, how: Ending, sent: Sent) {
        if !is_kept(sent).await {
            let how = match how {
                // What is not trusted any more is not shown until a full disk has room again.
                Ending::Quarantined(why) => Ending::Failed(why),
                how => how,
            };
            self.keep(Change::End { incarnation: id, how }).await;
        }
        self.compared_after(id);
    }

    /// Proposes a change until it is taken, or is not to be any more.
    async fn keep(&self, change: Change) {
        while !is_kept(self.inner.meta.send(Proposal::of([change.clone()]))).await {
            let mut stopping = self.inner.stopping.subscribe();
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    fn compared_after(&self, id: IncarnationId) {
        let state = &mut *self.state();
        state.runs.end_awaited(id);
        self.compare_in(state, [id]);
    }
}

/// The outcome of a proposal that is on its way.
type Sent = oneshot::Receiver<Result<Applied, MetaError>>;

/// Whether a proposal has been taken, or is not to be any more.
async fn is_kept(sent: Sent) -> bool {
    match sent.await.unwrap_or(Err(MetaError::Stopping)) {
        Ok(_) | Err(MetaError::Refused(_) | MetaError::Stopping) => true,
        Err(error) => {
            tracing::error!(%error, "cannot keep what became of a computation yet");
            false
        }
    }
}
