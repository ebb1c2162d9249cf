//! Altering streams while they live: what of a source's settings may change, and what a derived stream does with a record on which its
//! operator fails every time.

use std::sync::Arc;

use dag_api::{AlterRetention, AlterStream, CreateStream, OnError, Retention};
use dag_plan::apply::MAX_POLICIES;
use dag_plan::{Change, Entity, Plan, Proposal};

use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::metadata::MetaError;
use crate::node::Node;
use crate::operators::error::BindError;
use crate::streams::error::StreamError;
use crate::streams::settings::SettingsError;
use crate::streams::source::Origin;

/// Why a stream is not altered.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
    /// What it is called is none.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It is not there.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The settings that would be are not taken.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// That never changes.
    #[error("the {what} of `{name}` cannot be changed: {why}; create another stream")]
    Fixed {
        /// What was to be changed.
        what: &'static str,
        /// The stream.
        name: String,
        /// Why it does not change.
        why: &'static str,
    },
    /// A derived stream has no settings of a source.
    #[error("`{0}` is computed: only `on_error` can be set of it, the rest is its sources'")]
    Computed(String),
    /// A stream of skipped records has no settings.
    #[error("`{name}` is as the node makes it: what `{of}` passes over, for seven days")]
    Skipped {
        /// The stream.
        name: String,
        /// The derived stream that skips.
        of: String,
    },
    /// A source has no `on_error`.
    #[error("`{0}` runs no operator that could fail: say `on_error` for a stream that is computed from it")]
    NoOperator(String),
    /// The request says nothing.
    #[error("nothing to change of `{0}` was given")]
    Nothing(String),
    /// It has been removed meanwhile.
    #[error("there is no stream `{0}`")]
    Gone(String),
    /// There are too many policies.
    #[error("{MAX_POLICIES} derived streams have an `on_error`, which is the limit")]
    TooMany,
    /// The change cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Too many wait to make or alter streams.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Node {
    /// Alters a source, by its name, or a derived stream, by its expression.
    pub async fn alter_stream(&self, name: &str, request: &AlterStream) -> Result<dag_api::Stream, AlterError> {
        refuse_what_is_fixed(name, request)?;
        let stream = match self.view().sources.contains_key(name) {
            true => None,
            false => Some(self.bound(name).await?),
        };
        let source = stream.as_ref().map_or(Some(name), |stream| stream.source()).map(str::to_owned);
        let (node, request) = (self.clone(), request.clone());
        let key = source.clone().unwrap_or_else(|| name.to_owned());
        let alter = move || match (source, stream) {
            (None, Some(stream)) => node.alter_derived(&stream, &request),
            (Some(source), _) => node.alter_source(&source, &request),
            (None, None) => unreachable!("what is no source was bound"),
        };
        self.inner.creating.run(key, alter).await
    }

    /// Says what a derived stream does with a record on which its operator fails every time.
    fn alter_derived(&self, stream: &dag_expr::Stream, request: &AlterStream) -> Result<dag_api::Stream, AlterError> {
        let canonical = stream.to_string();
        let only = AlterStream { on_error: request.on_error, ..AlterStream::default() };
        let Some(on_error) = request.on_error.filter(|_| only == *request) else {
            return Err(AlterError::Computed(canonical));
        };
        let plan = self.inner.meta.plan();
        has_room(plan.policy(&canonical).is_some(), plan.policies_len())?;
        if on_error == OnError::Skip {
            self.errors(&canonical)?;
        }
        let policy = Change::Policy { stream: canonical.clone(), skip: on_error == OnError::Skip };
        self.inner.meta.propose(Proposal::of([policy]))?;
        let nothing_yet = || dag_api::Stream {
            name: canonical.clone(),
            kind: "derived".into(),
            state: "absent".into(),
            ..Default::default()
        };
        let shown = self.shown_derived(&canonical).unwrap_or_else(nothing_yet);
        Ok(dag_api::Stream { on_error: Some(on_error), ..shown })
    }

    /// What a derived stream does with a record on which its operator fails every time.
    pub(crate) fn error_policy(&self, stream: &str) -> OnError {
        match self.inner.meta.plan().policy(stream) {
            Some(policy) if policy.skip => OnError::Skip,
            Some(_) => OnError::Stop,
            None => OnError::default(),
        }
    }

    fn alter_source(&self, name: &str, request: &AlterStream) -> Result<dag_api::Stream, AlterError> {
        if let Origin::Errors(of) = &self.source(name)?.origin {
            return Err(AlterError::Skipped { name: name.to_owned(), of: of.clone() });
        }
        if request.on_error.is_some() {
            return Err(AlterError::NoOperator(name.to_owned()));
        }
        if *request == AlterStream::default() {
            return Err(AlterError::Nothing(name.to_owned()));
        }
        let _turn = self.inner.making.turn(name);
        let source = self.source(name)?;
        let settings = altered(&source.settings, request);
        crate::streams::settings::check(&settings)?;
        self.inner.meta.propose(alteration(&self.inner.meta.plan(), &settings)?)?;
        let altered = Arc::new(source.altered(settings)?);
        self.replace_source(altered.clone());
        // Somebody may be silent for too long already, or the node have to speak.
        self.inner.timers.notify_one();
        Ok(self.shown_source(&altered))
    }
}

/// A stream's settings are to be others, as a proposal.
fn alteration(plan: &Plan, settings: &CreateStream) -> Result<Proposal, AlterError> {
    let name = &settings.name;
    let (stream, there) = plan.stream_named(name).ok_or_else(|| AlterError::Gone(name.clone()))?;
    let settings = serde_json::to_string(settings).expect("settings are plain values");
    Ok(Proposal::of([Change::Alter { stream, settings }]).on(Entity::Stream(stream), there.revision))
}

/// Whether one more policy can be kept, if it is one more than these; `there` if it is one of them.
fn has_room(there: bool, policies: usize) -> Result<(), AlterError> {
    match there || policies < MAX_POLICIES {
        true => Ok(()),
        false => Err(AlterError::TooMany),
    }
}

/// The settings with what the request gives.
fn altered(settings: &CreateStream, request: &AlterStream) -> CreateStream {
    let AlterStream { out_of_order, max_ahead, idle, clock, retention, .. } = request.clone();
    let mut altered = settings.clone();
    altered.out_of_order = out_of_order.unwrap_or(altered.out_of_order);
    altered.max_ahead = max_ahead.unwrap_or(altered.max_ahead);
    altered.idle = idle.unwrap_or(altered.idle);
    altered.clock = clock.unwrap_or(altered.clock);
    if let Some(AlterRetention { age, bytes }) = retention {
        let Retention { age: age_before, bytes: bytes_before } = altered.retention;
        altered.retention = Retention { age: age.or(age_before), bytes: bytes.or(bytes_before) }.plain();
    }
    altered
}

fn refuse_what_is_fixed(name: &str, request: &AlterStream) -> Result<(), AlterError> {
    let fixed = [
        ("schema", &request.schema, "its records and all that is computed from them have these columns"),
        ("time", &request.time, "the records that are there have their times from it"),
        ("durability", &request.durability, "what was acknowledged was promised by it"),
    ];
    match fixed.iter().find(|(_, given, _)| given.is_some()) {
        Some((what, _, why)) => Err(AlterError::Fixed { what, name: name.to_owned(), why }),
        None => Ok(()),
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
