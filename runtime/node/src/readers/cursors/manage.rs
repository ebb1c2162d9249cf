//! What the API does with cursors besides reading: showing, acknowledging, moving, deleting.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::SubscribeParameters;
use dag_model::{IncarnationId, Position, Timestamp};
use dag_plan::{Change, Cursor, LogId, Place, Proposal, Revision};

use super::table::{CursorError, NotChanged};
use crate::blocking::blocking;
use crate::clock::now;
use crate::metadata::MetaError;
use crate::readers::Readers;
use crate::readers::error::ReaderError;
use crate::readers::open::{At, Opening, want};
use crate::readers::standing::{NotThere, Standing, standing};

impl Readers {
    /// All cursors, by name.
    pub async fn list_cursors(self: &Arc<Self>) -> Result<dag_api::Cursors, ReaderError> {
        let readers = self.clone();
        let list = move || {
            readers.look_where(|_| true);
            Ok(dag_api::Cursors { cursors: readers.shown_where(|_| true) })
        };
        self.looking.run(String::new(), list).await
    }

    /// The cursors that somebody reads with.
    pub(crate) fn cursors_read(&self) -> Vec<dag_api::Cursor> {
        self.shown_where(|read| read)
    }

    fn shown_where(&self, wanted: impl Fn(bool) -> bool) -> Vec<dag_api::Cursor> {
        let plan = self.meta.plan();
        let read: Vec<bool> = {
            let table = self.cursors.table();
            plan.cursors().map(|(name, _)| table.is_read(name)).collect()
        };
        let cursors = plan.cursors().zip(read).filter(|(_, read)| wanted(*read));
        cursors.map(|((name, cursor), read)| self.shown(name, cursor, read)).collect()
    }

    /// Opens the logs that such cursors are in, where that has not been done since the node was started.
    fn look_where(&self, wanted: impl Fn(&str) -> bool) {
        let names = self.cursors.names().into_iter().filter(|(name, _)| wanted(name));
        let runs: BTreeSet<IncarnationId> = names.flat_map(|(_, runs)| runs).collect();
        runs.into_iter().for_each(|run| self.computations.logs().look(run));
    }

    /// One cursor.
    pub async fn cursor(self: &Arc<Self>, name: &str) -> Result<dag_api::Cursor, ReaderError> {
        let (readers, name) = (self.clone(), name.to_owned());
        let look = move || {
            readers.look_where(|other| other == name);
            readers.shown_cursor(&name)
        };
        self.looking.run(String::new(), look).await
    }

    fn shown_cursor(&self, name: &str) -> Result<dag_api::Cursor, ReaderError> {
        let cursor = self.cursors.get(name)?;
        let read = self.cursors.table().is_read(name);
        Ok(self.shown(name, &cursor, read))
    }

    /// A reader has read everything up to a record. Returns when that is durable.
    pub async fn acknowledge(
        self: &Arc<Self>,
        name: &str,
        read: &dag_api::Acknowledge,
    ) -> Result<dag_api::Cursor, ReaderError> {
        let after: Position = read.after.parse().map_err(|why| ReaderError::Parameters(format!("after: {why}")))?;
        let cursor = self.cursors.get(name)?;
        let (readers, name_of, stream) = (self.clone(), name.to_owned(), cursor.stream.clone());
        self.reads.run(stream, move || readers.check_read(&name_of, &cursor, after)).await?;
        let acknowledge = Change::Acknowledge { cursor: name.to_owned(), reader: read.reader, after, at: now() };
        self.change_cursor(name, acknowledge).await?;
        self.shown_cursor(name)
    }

    /// Moves a cursor to where a subscription with that `from` begins now, and sends away whoever reads with it. Returns when that is
    /// durable.
    pub async fn reset_cursor(self: &Arc<Self>, name: &str, to: &str) -> Result<dag_api::Cursor, ReaderError> {
        let stream = self.cursors.get(name)?.stream.clone();
        let stream = self.operators.bound(&stream).await?;
        let (readers, to) = (self.clone(), to.to_owned());
        let canonical = stream.to_string();
        let place = move || {
            let want = want(&SubscribeParameters { from: Some(to), ..SubscribeParameters::default() })?;
            // What computes a derived stream tells where that is: it is demanded as by a reader.
            let opening = Opening { at: At::Want(want), until: None, left: 0, ordered: false };
            let subscription = readers.open_subscription(readers.new_lease(), &stream, opening)?;
            Ok::<_, ReaderError>(subscription.place.clone())
        };
        let place = self.opening.run(canonical, place).await?;
        self.change_cursor(name, Change::Reset { cursor: name.to_owned(), place, at: now() }).await?;
        self.cursors.table().expel(name, CursorError::Reset(name.to_owned()));
        self.shown_cursor(name)
    }

    /// Deletes a cursor, and sends away whoever reads with it. Returns it as it was, when that is durable.
    pub async fn delete_cursor(self: &Arc<Self>, name: &str) -> Result<dag_api::Cursor, ReaderError> {
        let broken = self.cursors.table().is_broken(name);
        if broken {
            return self.delete_broken(name).await;
        }
        let cursor = self.cursors.get(name)?;
        self.change_cursor(name, Change::Delete { cursor: name.to_owned() }).await?;
        self.cursors.deleted(name);
        Ok(self.shown(name, &cursor, false))
    }

    /// Deletes a cursor that cannot be read; it is shown as one of no stream.
    async fn delete_broken(self: &Arc<Self>, name: &str) -> Result<dag_api::Cursor, ReaderError> {
        let (readers, owned) = (self.clone(), name.to_owned());
        blocking::<_, ReaderError>(move || Ok(readers.meta.remove_unreadable_cursor(&owned)?)).await?;
        self.cursors.table().mend(name);
        let place = Place { legs: vec![Position { run: 0, sequence: 0 }], from: Timestamp::MIN, newest: None };
        let (stream, source, created) = (String::new(), None, now());
        let cursor =
            Cursor { stream, source, reader: 0, place, created, acknowledged: None, revision: Revision::default() };
        Ok(self.shown(name, &cursor, false))
    }

    /// Returns once a cursor's change is durable.
    async fn change_cursor(&self, name: &str, change: Change) -> Result<(), ReaderError> {
        let changed = self.meta.send(Proposal::of([change])).await.unwrap_or(Err(MetaError::Stopping));
        changed.map(drop).map_err(|error| NotChanged::of(name, "", error).into())
    }

    /// The name of the source whose log a cursor is in; none of one of a derived stream.
    fn source_of(&self, cursor: &Cursor) -> Option<String> {
        let plan = self.meta.plan();
        cursor.source.and_then(|id| plan.stream(id)).map(|source| source.name.clone())
    }

    /// Refuses that a record was read which there is not, or which a crash took. That retention has removed it since is no reason.
    pub(super) fn check_read(&self, name: &str, cursor: &Cursor, read: Position) -> Result<(), ReaderError> {
        if cursor.source.is_none() && cursor.place.legs.iter().all(|leg| leg.run != read.run) {
            // It is of another log, which the cursor says of itself.
            return Ok(());
        }
        let behind = Position { sequence: read.sequence.saturating_add(1), ..read };
        let view = self.computations.view();
        let log = view.log_of(self.source_of(cursor).as_deref(), read);
        match log.and_then(|log| standing(&view, &log, behind)) {
            Some(Standing::PastEnd { end }) => {
                let (cursor, stream) = (name.to_owned(), cursor.stream.clone());
                Err(ReaderError::NotRead { cursor, read, stream, end })
            }
            Some(Standing::Lost { end }) => {
                Err(ReaderError::from(NotThere::Lost { position: read, end }).of_cursor(name))
            }
            _ => Ok(()),
        }
    }

    fn shown(&self, name: &str, cursor: &Cursor, read: bool) -> dag_api::Cursor {
        let next = cursor.place.next();
        // What is left of each log that it is in, and what is wanted next of it: the first record, the end, and that.
        let logs = cursor.place.legs.iter().map(|leg| match cursor.source {
            Some(source) => {
                let log = self.computations.view().log(&LogId::Source(source))?;
                Some((log.earliest().sequence, log.visible().end, leg.sequence))
            }
            None => {
                let seen = self.computations.logs().seen(IncarnationId(leg.run))?;
                Some((seen.earliest.sequence, seen.visible.end, leg.sequence))
            }
        });
        let logs: Option<Vec<(u64, u64, u64)>> = logs.collect();
        let lag = |logs: &Vec<(u64, u64, u64)>| {
            logs.iter().map(|(earliest, end, next)| end.saturating_sub(*next.max(earliest))).sum()
        };
        let lost = logs.as_ref().and_then(|logs| logs.first());
        let lost = lost.map_or(0, |(earliest, _, next)| earliest.saturating_sub(*next));
        dag_api::Cursor {
            name: name.to_owned(),
            stream: cursor.stream.clone(),
            state: match (&logs, lost) {
                _ if read => "reading",
                (None, _) => "gone",
                (Some(_), 0) => "idle",
                (Some(_), _) => "behind",
            }
            .to_owned(),
            next: next.to_string(),
            reader: cursor.reader,
            lag: logs.as_ref().map(lag),
            lost,
            created: cursor.created.to_string(),
            acknowledged: cursor.acknowledged.as_ref().map(Timestamp::to_string),
        }
    }
}
