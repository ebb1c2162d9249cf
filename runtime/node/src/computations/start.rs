//! Starting a run: its log is opened or made, its snapshot read and its operator bound, all under no lock. Then it is
//! looked whether it is still wanted.

use dag_expr::{Application, Stream};
use dag_flow::{Computation, Mark, Search, Snapshot};
use dag_log::OpenError;
use dag_model::IncarnationId;
use dag_plan::{Course, Incarnation, Revision, Stage, Taken, upgrade, wanted_of};
use tokio::sync::watch;

use crate::blocking::gate::Width;
use crate::computations::build::last_digest;
use crate::computations::error::StartError;
use crate::computations::interest;
use crate::computations::reports::Report;
use crate::computations::resume::{replay, resume};
use crate::computations::snapshots::usable;
use crate::computations::switch::Standing;
use crate::computations::{Computations, State, View};
use crate::metadata::ALONE;
use crate::streams::interest::Interest;

/// How many runs are started, or their end kept, at a time: as many as may wait for disks.
pub(crate) const STARTS: Width = Width { what: "to start a computation", most: 32, each: 1, waiting: 100_000 };

/// What a start comes to.
enum Started {
    /// All is there, for the version at that place in the record, whose output has marks up to that one.
    Ready { computation: Box<Computation>, interests: Vec<Interest>, version: usize, known: Revision },
    /// Its log has everything already.
    Complete,
    /// A file of it cannot be opened now.
    Later(String),
    /// Nobody wants it any more.
    Unwanted,
}

impl Computations {
    /// Begins to start a run that has no dataflow, once those that it reads are there or have failed.
    pub(super) fn begin_start(&self, state: &mut State, course: &Course) {
        let id = course.record.id;
        let read: Vec<_> = course.inputs().filter_map(|read| state.runs.start_of(read)).collect();
        state.runs.begin(id);
        let node = self.clone();
        self.inner.tasks.spawn(dag_alarm::task("starting", async move {
            for start in read {
                over(start).await;
            }
            let starting = node.clone();
            let started = match node.inner.starts.run(id, move || starting.start(id)).await {
                Err(full @ StartError::Full(_)) => Ok(Started::Later(full.to_string())),
                started => started,
            };
            node.started(id, started);
        }));
    }

    /// Opens, reads and asks what a run takes.
    fn start(&self, id: IncarnationId) -> Result<Started, StartError> {
        let view = self.view();
        let Some(course) = wanted_of(&view.plan, ALONE, self.inner.boot, id) else { return Ok(Started::Unwanted) };
        let record = &course.record;
        let (bound, afresh, search) = {
            let state = self.state();
            if !state.runs.is_starting(id) {
                return Ok(Started::Unwanted);
            }
            let failures = state.runs.failures.get(&id);
            let afresh = failures.is_some_and(|failures| failures.afresh);
            let search = failures.map_or(Search::Off, |failures| failures.search);
            (state.bound.get(&record.stream).cloned(), afresh, search)
        };
        let bound = match bound {
            Some(bound) => bound,
            None => {
                let bound = dag_expr::bind(&record.stream, &view.names());
                let bound = bound.map_err(|error| StartError::Bind(error.render(&record.stream)))?;
                self.state().bind(&view.plan, &bound);
                bound
            }
        };
        let Stream::Apply(application) = bound else { unreachable!("what is computed applies an operator") };
        let output = match view.logs.get_or_create(id, &application.schema) {
            Err(error @ OpenError::Io { .. }) => return Ok(Started::Later(error.to_string())),
            output => output?,
        };
        if output.visible().ended {
            return Ok(Started::Complete);
        }
        self.inner.streams.hand_in(record);
        let snapshot = match afresh {
            true => None,
            false => match usable(id, view.snapshots.get(id)) {
                Ok(snapshot) => snapshot,
                Err(why) => return Ok(Started::Later(why)),
            },
        };
        let stage = match afresh {
            true => Stage::anew(record),
            false => self.within_reach(&view, stage_of(course, snapshot.as_deref()), record, &application)?,
        };
        if let Some(turn) = course.turns.first()
            && stage.version + 1 == record.ran.len()
        {
            let standing = Standing { record, application: &application, output: &output, snapshot: snapshot.as_ref() };
            match self.take_turn(&view, turn, &standing) {
                Ok(false) => {}
                // It goes on as the plan says since.
                Ok(true) => return self.start(id),
                Err(error) => return Ok(Started::Later(error.to_string())),
            }
        }
        let known = Revision(output.mark().unwrap_or(0));
        let (record, snapshot) = (record.up_to(stage.version), snapshot.filter(|_| stage.resumes));
        let mut computation = self.computation_of(&view, &record, &application, output)?;
        resume(&view, &mut computation, &record, &application, snapshot)?;
        computation.interval = self.inner.config.snapshots;
        computation.search = search;
        tracing::info!(stream = record.stream, incarnation = %id, digest = %format!("{:#}", last_digest(&record)), "computation starts");
        let interests = interest::hold(&self.inner.streams, &view.catalog, &application);
        Ok(Started::Ready { computation: Box::new(computation), interests, version: stage.version, known })
    }

    /// With which version a run goes on that would begin with this one: with the last one, whose state is computed anew, where the beginning of
    /// an earlier one is not kept any more.
    fn within_reach(
        &self,
        view: &View<'_>,
        stage: Stage,
        record: &Incarnation,
        application: &Application,
    ) -> Result<Stage, StartError> {
        if stage.resumes || stage.version + 1 == record.ran.len() {
            return Ok(stage);
        }
        let earlier = record.up_to(stage.version);
        let component = view.catalog.code(last_digest(&earlier)).map_err(StartError::Component)?;
        let starts = match stage.version {
            0 => earlier.inputs,
            _ => replay(view, &component, &earlier, application)?,
        };
        Ok(if upgrade::trimmed(&view.plan, &starts, view).is_some() { Stage::anew(record) } else { stage })
    }

    /// A start has come to something: runs what is still wanted.
    fn started(&self, id: IncarnationId, started: Result<Started, StartError>) {
        let state = &mut *self.state();
        // Where it does not run, nobody has its log open any more.
        self.inner.freed.send_replace(());
        if !state.runs.begun(id) || *self.inner.stopping.borrow() {
            // It may be wanted again since that was found.
            return self.compare_in(state, [id]);
        }
        match started {
            Ok(Started::Ready { mut computation, interests, version, known }) => {
                let marks = self.inner.meta.plan().marks(id, version, known).into_iter();
                computation.marks = marks.map(|(mark, stops)| Mark { revision: mark.0, stops }).collect();
                let reports = self.inner.reports.clone();
                let on_event = Box::new(move |event| reports.send(Report { id, event }));
                let handle = self.inner.flow.run(*computation, on_event);
                state.runs.insert(id, handle, interests);
                self.ask_for_marks(state, id);
            }
            Ok(Started::Complete) => self.finish(state, id),
            Ok(Started::Later(why)) => self.start_later(state, id, &why),
            Ok(Started::Unwanted) => {}
            Err(error) => self.fail(state, id, &error.to_string()),
        }
        self.compare_in(state, [id]);
        // What it has skipped so far is to be in its stream.
        self.inner.timers.notify_one();
    }
}

/// With which version of its component a run goes on that has this snapshot.
fn stage_of(course: &Course, snapshot: Option<&Snapshot>) -> Stage {
    let taken = snapshot.map(|snapshot| Taken {
        digest: snapshot.digest,
        mark: Revision(snapshot.mark),
        output: snapshot.output.sequence,
    });
    course.stage(taken.as_ref())
}

/// Waits until a start is over.
pub(crate) async fn over(mut start: watch::Receiver<()>) {
    while start.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use dag_api::{Computation, StatusParameters, SubscribeParameters};
    use tempfile::TempDir;

    use super::*;
    use crate::testing::node;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_start_beyond_those_that_may_wait_is_tried_again() {
        let data = TempDir::new().unwrap();
        let (node, _) = node(&data).await;
        let starts = node.computations.inner.starts.clone();
        starts.set_full(true);
        let parameters = SubscribeParameters { expr: "count(x)".to_owned(), ..SubscribeParameters::default() };
        let _subscription = node.readers.subscribe(&parameters).await.unwrap();
        let shown = || -> Computation {
            let status = node.views.status(StatusParameters::default());
            status.computations.into_iter().next().expect("it is demanded")
        };
        let told = (shown().state, shown().error.expect("it is told why"));
        let full =
            "100000 requests wait for their turn to start a computation, which is the limit: try again in a moment";
        assert_eq!((&*told.0, &*told.1), ("restarting", full));
        starts.set_full(false);
        let id = IncarnationId(shown().incarnation);
        let next = node.computations.tick().expect("it is due again");
        tokio::time::sleep_until(next.into()).await;
        node.computations.tick();
        let start = node.computations.state().runs.start_of(id).expect("it is being started");
        over(start).await;
        assert_eq!((shown().state, shown().memory.is_some()), ("running".to_owned(), true));
        node.stop();
    }
}
