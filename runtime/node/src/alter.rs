//! Altering streams by what they are called: a source by its name, and what a derived stream, by its expression, does with a record on
//! which its operator fails every time.

use std::sync::Arc;

use dag_api::{AlterStream, OnError};
use dag_expr::Stream;
use dag_plan::apply::MAX_POLICIES;
use dag_plan::{Change, Proposal};

use crate::metadata::Metadata;
use crate::metadata::change::{ChangeError, changes};
use crate::operators::Operators;
use crate::operators::error::BindError;
use crate::streams::Streams;
use crate::streams::alter::{AlterError as SourceError, refuse_what_is_fixed};
use crate::streams::error::StreamError;
use crate::views::Views;

/// Why a stream is not altered.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
    /// What it is called is none.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It is a source, and is not.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The stream of what it skips cannot be had.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// It has nothing of its own.
    #[error("`{view}` is a view of `{of}`, and has the settings that `{of}` has: alter `{of}`")]
    View {
        /// What was to be altered.
        view: String,
        /// The stream.
        of: String,
    },
    /// A derived stream has no settings of a source.
    #[error("`{0}` is computed: only `on_error` can be set of it, the rest is its sources'")]
    Computed(String),
    /// There are too many policies.
    #[error("{MAX_POLICIES} derived streams have an `on_error`, which is the limit")]
    TooMany,
    /// The change did not come about.
    #[error(transparent)]
    Change(ChangeError),
}

changes!(AlterError);

/// What alters streams.
pub(crate) struct Alterations {
    meta: Arc<Metadata>,
    streams: Arc<Streams>,
    operators: Arc<Operators>,
    views: Arc<Views>,
}

impl Alterations {
    /// Of these streams.
    pub fn new(
        meta: Arc<Metadata>,
        streams: Arc<Streams>,
        operators: Arc<Operators>,
        views: Arc<Views>,
    ) -> Alterations {
        Alterations { meta, streams, operators, views }
    }

    /// Alters a source, by its name, or a derived stream, by its expression.
    pub async fn alter_stream(
        self: &Arc<Self>,
        name: &str,
        request: &AlterStream,
    ) -> Result<dag_api::Stream, AlterError> {
        refuse_what_is_fixed(name, request)?;
        let streams = &self.streams;
        let stream = match streams.all().contains_key(name) {
            true => return self.alter_source(name, request).await,
            false => self.operators.bound(name).await?,
        };
        match &stream {
            Stream::Source { name, .. } | Stream::Errors { name, .. } => self.alter_source(name, request).await,
            Stream::Late { name, .. } => Err(AlterError::View { view: stream.to_string(), of: name.clone() }),
            Stream::Apply(_) => {
                let (alterations, request) = (self.clone(), request.clone());
                let alter = move || alterations.alter_derived(&stream, &request);
                streams.changing().run(name.to_owned(), alter).await
            }
        }
    }

    async fn alter_source(&self, name: &str, request: &AlterStream) -> Result<dag_api::Stream, AlterError> {
        let altered = self.streams.alter(name, request.clone()).await?;
        Ok(self.views.shown_source(&altered))
    }

    /// Says what a derived stream does with a record on which its operator fails every time.
    fn alter_derived(&self, stream: &Stream, request: &AlterStream) -> Result<dag_api::Stream, AlterError> {
        let canonical = stream.to_string();
        let only = AlterStream { on_error: request.on_error, ..AlterStream::default() };
        let Some(on_error) = request.on_error.filter(|_| only == *request) else {
            return Err(AlterError::Computed(canonical));
        };
        let plan = self.meta.plan();
        has_room(plan.policy(&canonical).is_some(), plan.policies_len())?;
        if on_error == OnError::Skip {
            self.streams.skipped_of(&canonical)?;
        }
        let policy = Change::Policy { stream: canonical.clone(), skip: on_error == OnError::Skip };
        self.meta.propose(Proposal::of([policy]))?;
        let nothing_yet = || dag_api::Stream {
            name: canonical.clone(),
            kind: "derived".into(),
            state: "absent".into(),
            ..Default::default()
        };
        let shown = self.views.shown_derived(&canonical).unwrap_or_else(nothing_yet);
        Ok(dag_api::Stream { on_error: Some(on_error), ..shown })
    }
}

/// Whether one more policy can be kept, if it is one more than these; `there` if it is one of them.
fn has_room(there: bool, policies: usize) -> Result<(), AlterError> {
    match there || policies < MAX_POLICIES {
        true => Ok(()),
        false => Err(AlterError::TooMany),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_bounded() {
        assert!(has_room(false, MAX_POLICIES - 1).is_ok());
        assert!(has_room(true, MAX_POLICIES).is_ok(), "it may be changed");
        assert!(matches!(has_room(false, MAX_POLICIES), Err(AlterError::TooMany)));
    }
}
