//! What the API does with cursors besides reading: showing, acknowledging, moving, deleting.

use dag_api::SubscribeParameters;
use std::collections::BTreeSet;

use dag_model::{IncarnationId, Position, Timestamp};
use dag_plan::LogId;

use super::reading::explain;
use crate::clock::now;
use crate::error::{Code, NodeError};
use crate::metadata::cursor::Cursor;
use crate::node::Node;
use crate::readers::open::{At, Opening, want};
use crate::readers::standing::{NotThere, Standing, log_of};

impl Node {
    /// All cursors, by name.
    pub async fn cursors(&self) -> Result<dag_api::Cursors, NodeError> {
        let node = self.clone();
        let list = move || {
            node.look_where(|_| true);
            Ok(dag_api::Cursors { cursors: node.shown_where(|_| true) })
        };
        self.inner.looking.run(String::new(), list).await
    }

    /// The cursors that somebody reads with.
    pub(crate) fn cursors_read(&self) -> Vec<dag_api::Cursor> {
        self.shown_where(|read| read)
    }

    fn shown_where(&self, wanted: impl Fn(bool) -> bool) -> Vec<dag_api::Cursor> {
        let table = self.inner.cursors.table();
        let wanted = table.all().filter(|(_, _, read)| wanted(*read));
        let cursors: Vec<_> = wanted.map(|(name, cursor, read)| (name.to_owned(), cursor.clone(), read)).collect();
        // Logs are looked at without the lock that acknowledgements take.
        drop(table);
        cursors.iter().map(|(name, cursor, read)| self.shown(name, cursor, *read)).collect()
    }

    /// Opens the logs that such cursors are in, where that has not been done since the node was started.
    fn look_where(&self, wanted: impl Fn(&str) -> bool) {
        let names = self.inner.cursors.names().into_iter().filter(|(name, _)| wanted(name));
        let runs: BTreeSet<IncarnationId> = names.flat_map(|(_, runs)| runs).collect();
        runs.into_iter().for_each(|run| self.inner.logs.look(run));
    }

    /// One cursor.
    pub async fn cursor(&self, name: &str) -> Result<dag_api::Cursor, NodeError> {
        let (node, name) = (self.clone(), name.to_owned());
        let look = move || {
            node.look_where(|other| other == name);
            node.shown_cursor(&name)
        };
        self.inner.looking.run(String::new(), look).await
    }

    fn shown_cursor(&self, name: &str) -> Result<dag_api::Cursor, NodeError> {
        let (cursor, read) = {
            let table = self.inner.cursors.table();
            (table.get(name)?.clone(), table.is_read(name))
        };
        Ok(self.shown(name, &cursor, read))
    }

    /// A reader has read everything up to a record. Answers when that is durable.
    pub async fn acknowledge(&self, name: &str, read: &dag_api::Acknowledge) -> Result<dag_api::Cursor, NodeError> {
        let bad = |why: String| NodeError::new(Code::BadRequest, why);
        let after: Position = read.after.parse().map_err(|why| bad(format!("after: {why}")))?;
        let cursor = self.inner.cursors.table().get(name)?.clone();
        let (node, name_of, stream) = (self.clone(), name.to_owned(), cursor.stream.clone());
        self.inner.reads.run(stream, move || node.check_read(&name_of, &cursor, after)).await?;
        let kept = {
            let mut table = self.inner.cursors.table();
            table.acknowledge(name, read.reader, after, now())?;
            self.keep_cursor(table, name)
        };
        kept.wait().await?;
        self.shown_cursor(name)
    }

    /// Moves a cursor to where a subscription with that `from` begins now, and sends away whoever reads with it. Answers when that is
    /// durable.
    pub async fn reset_cursor(&self, name: &str, to: &str) -> Result<dag_api::Cursor, NodeError> {
        let stream = self.inner.cursors.table().get(name)?.stream.clone();
        let stream = self.bound(&stream).await?;
        let (node, owned, to) = (self.clone(), name.to_owned(), to.to_owned());
        let canonical = stream.to_string();
        let reset = move || {
            let want = want(&SubscribeParameters { from: Some(to), ..SubscribeParameters::default() })?;
            // What computes a derived stream tells where that is: it is demanded as by a reader.
            let opening = Opening { at: At::Want(want), until: None, left: 0, ordered: false };
            let subscription = node.open_subscription(node.new_lease(), &stream, opening)?;
            let mut table = node.inner.cursors.table();
            table.reset(&owned, subscription.place.clone(), now())?;
            Ok::<_, NodeError>(node.keep_cursor(table, &owned))
        };
        self.inner.opening.run(canonical, reset).await?.wait().await?;
        self.shown_cursor(name)
    }

    /// Deletes a cursor, and sends away whoever reads with it. Answers it as it was, when that is durable.
    pub async fn delete_cursor(&self, name: &str) -> Result<dag_api::Cursor, NodeError> {
        let (cursor, kept) = {
            let mut table = self.inner.cursors.table();
            let cursor = table.delete(name, now())?;
            (cursor, self.keep_cursor(table, name))
        };
        kept.wait().await?;
        Ok(self.shown(name, &cursor, false))
    }

    /// Refuses that a record was read which there is not, or which a crash took. That retention has removed it since is no reason.
    pub(super) fn check_read(&self, name: &str, cursor: &Cursor, read: Position) -> Result<(), NodeError> {
        if cursor.source.is_none() && cursor.place.legs.iter().all(|leg| leg.run != read.run) {
            // It is of another log, which the cursor says of itself.
            return Ok(());
        }
        let behind = Position { sequence: read.sequence.saturating_add(1), ..read };
        match self.view().standing(&log_of(cursor.source.as_deref(), read), behind) {
            Some(Standing::PastEnd { end }) => {
                let message = format!(
                    "cursor `{name}`: {read} is past the end of `{}`, which is {end}: acknowledge what was read",
                    cursor.stream
                );
                Err(NodeError::new(Code::BadRequest, message))
            }
            Some(Standing::Lost { end }) => Err(explain(name, NotThere::Lost { position: read, end }.into())),
            _ => Ok(()),
        }
    }

    fn shown(&self, name: &str, cursor: &Cursor, read: bool) -> dag_api::Cursor {
        let next = cursor.place.next();
        // What is left of each log that it is in, and what is wanted next of it: the first record, the end, and that.
        let logs = cursor.place.legs.iter().map(|leg| match &cursor.source {
            Some(source) => {
                let log = self.view().log(&LogId::Source(source.clone()))?;
                Some((log.earliest().sequence, log.visible().end, leg.sequence))
            }
            None => {
                let seen = self.inner.logs.seen(IncarnationId(leg.run))?;
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
