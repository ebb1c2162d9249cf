//! What the API does with cursors besides reading: showing, acknowledging, moving, deleting.

use dag_api::SubscribeParameters;
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
    pub fn cursors(&self) -> dag_api::Cursors {
        dag_api::Cursors { cursors: self.shown_where(|_| true) }
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

    /// One cursor.
    pub fn cursor(&self, name: &str) -> Result<dag_api::Cursor, NodeError> {
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
        self.check_read(name, &cursor, after)?;
        let kept = {
            let mut table = self.inner.cursors.table();
            table.acknowledge(name, read.reader, after, now())?;
            self.keep_cursor(table, name)
        };
        kept.wait().await?;
        self.cursor(name)
    }

    /// Moves a cursor to where a subscription with that `from` begins now, and sends away whoever reads with it. Answers when that is
    /// durable.
    pub async fn reset_cursor(&self, name: &str, to: &str) -> Result<dag_api::Cursor, NodeError> {
        let (node, owned, to) = (self.clone(), name.to_owned(), to.to_owned());
        let reset = move || {
            let stream = node.inner.cursors.table().get(&owned)?.stream.clone();
            let stream = node.bind(&stream)?;
            let want = want(&SubscribeParameters { from: Some(to), ..SubscribeParameters::default() })?;
            // What computes a derived stream tells where that is: it is demanded as by a reader.
            let opening = Opening { at: At::Want(want), until: None, left: 0, ordered: false };
            let subscription = node.open_subscription(node.new_lease(), &stream, opening)?;
            let mut table = node.inner.cursors.table();
            table.reset(&owned, subscription.place.clone(), now())?;
            Ok::<_, NodeError>(node.keep_cursor(table, &owned))
        };
        let done = tokio::task::spawn_blocking(reset).await;
        done.map_err(|error| NodeError::new(Code::Internal, error.to_string()))??.wait().await?;
        self.cursor(name)
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
        let logs = cursor.place.legs.iter().map(|leg| {
            let id = match &cursor.source {
                Some(source) => LogId::Source(source.clone()),
                None => LogId::Derived(IncarnationId(leg.run)),
            };
            Some((self.view().log(&id)?, leg.sequence))
        });
        let logs: Option<Vec<_>> = logs.collect();
        let lag = |logs: &Vec<(dag_log::Log, u64)>| {
            logs.iter().map(|(log, next)| log.visible().end.saturating_sub((*next).max(log.earliest().sequence))).sum()
        };
        let lost = |(log, next): &(dag_log::Log, u64)| log.earliest().sequence.saturating_sub(*next);
        let lost = logs.as_ref().and_then(|logs| logs.first()).map_or(0, lost);
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
