//! Deleting streams by what they are called: a source by its name, with all that is computed from it, or a derived stream by its expression,
//! of which only what is stored goes. [`goes`] says what that is.

mod goes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_api::{DeleteParameters, Deleted};
use dag_expr::Stream;
use dag_model::{IncarnationId, Position};
use tokio::runtime::Handle;

use crate::computations::Computations;
use crate::computations::end::Ended;
use crate::metadata::Metadata;
use crate::metadata::change::{ChangeError, changes};
use crate::operators::Operators;
use crate::operators::error::BindError;
use crate::readers::Readers;
use crate::readers::uses::Uses;
use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::source::Origin;
use goes::{Doomed, Goes, deleted, of_runs, uses};

/// How long it is waited for computations to be gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a stream is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It is not there.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// What it is called is none.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It has nothing of its own.
    #[error("`{view}` is a view of `{of}`, and has nothing of its own: delete `{of}`")]
    View {
        /// What was to be deleted.
        view: String,
        /// The stream.
        of: String,
    },
    /// The node would make it again.
    #[error("`{name}` has what `{of}` skips, and goes only once that is not stored any more: delete `{of}` first")]
    With {
        /// What was to be deleted.
        name: String,
        /// The derived stream.
        of: String,
    },
    /// A derived stream of which there is nothing.
    #[error("nothing of `{0}` is stored: nobody has subscribed to it, or what there was has been removed")]
    NotStored(String),
    /// Something reads it, or a cursor is in it.
    #[error("`{name}` is used: {uses}; `dag delete --force` ends what uses it and deletes it")]
    InUse {
        /// The stream.
        name: String,
        /// What uses it.
        uses: Uses,
    },
    /// What was computed from it has not stopped yet.
    #[error(
        "what is computed from `{0}` has not stopped within {PATIENCE:?}, and nothing was deleted: try again in a moment"
    )]
    Stopping(String),
    /// The change did not come about.
    #[error(transparent)]
    Change(ChangeError),
}

changes!(DeleteError);

/// What deletes streams.
pub(crate) struct Deletions {
    meta: Arc<Metadata>,
    streams: Arc<Streams>,
    operators: Arc<Operators>,
    computations: Computations,
    readers: Arc<Readers>,
}

impl Deletions {
    /// Of these streams, and of what is computed from them.
    pub fn new(
        meta: Arc<Metadata>,
        streams: Arc<Streams>,
        operators: Arc<Operators>,
        computations: Computations,
        readers: Arc<Readers>,
    ) -> Deletions {
        Deletions { meta, streams, operators, computations, readers }
    }

    /// Deletes a stream, durably.
    pub async fn delete_stream(
        self: &Arc<Self>,
        name: &str,
        parameters: DeleteParameters,
    ) -> Result<Deleted, DeleteError> {
        let doomed = self.doomed(name).await?;
        let (deletions, key) = (self.clone(), name.to_owned());
        self.streams.changing().run(key, move || deletions.delete(&doomed, parameters)).await
    }

    /// What is called so.
    async fn doomed(&self, name: &str) -> Result<Doomed, DeleteError> {
        if self.streams.number(name).is_some() {
            return Ok(Doomed::Source(name.to_owned()));
        }
        match self.operators.bound(name).await {
            Ok(Stream::Source { name, .. } | Stream::Errors { name, .. }) => Ok(Doomed::Source(name)),
            Ok(stream @ Stream::Late { .. }) => {
                let of = stream.source().unwrap_or_default().to_owned();
                Err(DeleteError::View { view: stream.to_string(), of })
            }
            Ok(stream) => Ok(Doomed::Derived(stream.to_string())),
            // It is stored, and what it was computed with may be gone.
            Err(_) if self.meta.plan().incarnations_of(name).next().is_some() => Ok(Doomed::Derived(name.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    fn delete(&self, doomed: &Doomed, parameters: DeleteParameters) -> Result<Deleted, DeleteError> {
        let goes = self.what_goes(doomed);
        self.admit(doomed, &goes, parameters)?;
        if parameters.dry_run {
            return Ok(deleted(doomed, goes, true));
        }
        let mut removing = match doomed {
            Doomed::Source(name) => Some(self.streams.take(name)?),
            Doomed::Derived(_) => None,
        };
        // From here on nobody new comes to use a source; somebody may have come before.
        let goes = self.what_goes(doomed);
        self.admit(doomed, &goes, parameters)?;
        let last = self.claim_when_gone(doomed)?;
        let incarnations: Vec<IncarnationId> = last.incarnations.iter().copied().collect();
        let cursors = last.cursors.iter().map(|(cursor, _)| cursor.clone()).collect();
        // Who had seen a source before it was taken away, and demands it now, is refused by the plan.
        let removed = match &mut removing {
            Some(removing) => removing.remove(&incarnations, cursors).map_err(DeleteError::from),
            None => self.meta.remove(None, &incarnations, cursors).map_err(DeleteError::from),
        };
        self.computations.forgotten(&incarnations, removed.is_ok());
        removed?;
        self.computations.remove_files(&incarnations);
        drop(removing);
        let cursors = last.own_cursors.iter().chain(last.cursors.iter().map(|(cursor, _)| cursor));
        cursors.for_each(|cursor| self.readers.cursors().deleted(cursor));
        // What ran when this began was ended by it.
        let (running, readers) = (goes.running, goes.readers);
        Ok(deleted(doomed, Goes { running, readers, ..last }, false))
    }

    /// Refuses what may not be deleted, or is used where that was not to be ended.
    fn admit(&self, doomed: &Doomed, goes: &Goes, parameters: DeleteParameters) -> Result<(), DeleteError> {
        match doomed {
            Doomed::Derived(name) if goes.incarnations.is_empty() => {
                return Err(DeleteError::NotStored(name.clone()));
            }
            Doomed::Source(name) => {
                let open = self.streams.all();
                if let Some(Origin::Errors(of)) = open.get(name).map(|source| &source.origin)
                    && self.meta.plan().incarnations_of(of).next().is_some()
                {
                    return Err(DeleteError::With { name: name.clone(), of: of.clone() });
                }
            }
            Doomed::Derived(_) => {}
        }
        let uses = uses(goes);
        match parameters.force || uses.is_empty() {
            true => Ok(()),
            false => Err(DeleteError::InUse { name: doomed.name().to_owned(), uses: Uses(uses) }),
        }
    }

    fn what_goes(&self, doomed: &Doomed) -> Goes {
        let goes = of_runs(&self.meta.plan(), &self.computations, &self.readers, doomed);
        self.with_cursors(goes, doomed)
    }

    /// Adds the cursors that go with it.
    fn with_cursors(&self, mut goes: Goes, doomed: &Doomed) -> Goes {
        let number = match doomed {
            Doomed::Source(name) => self.streams.number(name),
            Doomed::Derived(_) => None,
        };
        for (name, cursor) in self.meta.plan().cursors() {
            let is_in = |leg: &Position| goes.incarnations.contains(&IncarnationId(leg.run));
            match cursor.source {
                Some(source) if Some(source) == number => goes.own_cursors.push(name.to_owned()),
                None if cursor.place.legs.iter().any(is_in) || cursor.stream == doomed.name() => {
                    goes.cursors.push((name.to_owned(), cursor.stream.clone()));
                }
                _ => {}
            }
        }
        goes
    }

    /// Ends what reads the stream, and tells those for whom it did.
    fn end_readers(&self, doomed: &Doomed, goes: &Goes) -> Result<(), DeleteError> {
        let why = format!("`{}` was deleted", doomed.name());
        for id in &goes.live {
            self.computations.end_now(*id, &why)?;
        }
        self.computations.compare(goes.live.iter().copied());
        let why = Ended::Failed(why);
        self.computations.end_readers(&goes.incarnations, &why);
        if let Doomed::Source(name) = doomed {
            self.readers.end_of_source(name, &why);
        }
        Ok(())
    }

    /// Ends what reads the stream, and waits until no computation has a log of what goes open any more. Nobody begins to read any of that
    /// until it is [forgotten](Computations::forgotten) or not.
    fn claim_when_gone(&self, doomed: &Doomed) -> Result<Goes, DeleteError> {
        let until = Instant::now() + PATIENCE;
        let mut freed = self.computations.freed();
        loop {
            freed.borrow_and_update();
            let goes = of_runs(&self.meta.plan(), &self.computations, &self.readers, doomed);
            self.end_readers(doomed, &goes)?;
            if self.computations.claim_to_forget(&goes.incarnations) {
                return Ok(self.with_cursors(goes, doomed));
            }
            let change = async { tokio::time::timeout_at(until.into(), freed.changed()).await };
            if Handle::current().block_on(change).is_err() {
                return Err(DeleteError::Stopping(doomed.name().to_owned()));
            }
        }
    }
}
