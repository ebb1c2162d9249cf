//! Altering streams while they live: what of a source's settings may change, and what a derived stream does with a record on which its
//! operator fails every time.

use std::sync::Arc;

use dag_api::{AlterRetention, AlterStream, CreateStream, OnError, Retention};
use dag_plan::apply::MAX_POLICIES;
use dag_plan::{Change, Entity, Plan, Proposal};

use crate::error::{Code, NodeError};
use crate::node::Node;
use crate::streams::source::Origin;

impl Node {
    /// Alters a source, by its name, or a derived stream, by its expression.
    pub async fn alter_stream(&self, name: &str, request: &AlterStream) -> Result<dag_api::Stream, NodeError> {
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
    fn alter_derived(&self, stream: &dag_expr::Stream, request: &AlterStream) -> Result<dag_api::Stream, NodeError> {
        let canonical = stream.to_string();
        let only = AlterStream { on_error: request.on_error, ..AlterStream::default() };
        let Some(on_error) = request.on_error.filter(|_| only == *request) else {
            let message =
                format!("`{canonical}` is computed: only `on_error` can be set of it, the rest is its sources'");
            return Err(bad(message));
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

    fn alter_source(&self, name: &str, request: &AlterStream) -> Result<dag_api::Stream, NodeError> {
        if let Origin::Errors(of) = &self.source(name)?.origin {
            return Err(bad(format!("`{name}` is as the node makes it: what `{of}` passes over, for seven days")));
        }
        if request.on_error.is_some() {
            let message = format!(
                "`{name}` runs no operator that could fail: say `on_error` for a stream that is computed from it"
            );
            return Err(bad(message));
        }
        if *request == AlterStream::default() {
            return Err(bad(format!("nothing to change of `{name}` was given")));
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
fn alteration(plan: &Plan, settings: &CreateStream) -> Result<Proposal, NodeError> {
    let name = &settings.name;
    let (stream, there) = plan.stream_named(name).ok_or_else(|| bad(format!("there is no stream `{name}`")))?;
    let settings = serde_json::to_string(settings).expect("settings are plain values");
    Ok(Proposal::of([Change::Alter { stream, settings }]).on(Entity::Stream(stream), there.revision))
}

/// Whether one more policy can be kept, if it is one more than these; `there` if it is one of them.
fn has_room(there: bool, policies: usize) -> Result<(), NodeError> {
    match there || policies < MAX_POLICIES {
        true => Ok(()),
        false => {
            let message = format!("{MAX_POLICIES} derived streams have an `on_error`, which is the limit");
            Err(NodeError::new(Code::Busy, message))
        }
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

fn refuse_what_is_fixed(name: &str, request: &AlterStream) -> Result<(), NodeError> {
    let fixed = [
        ("schema", &request.schema, "its records and all that is computed from them have these columns"),
        ("time", &request.time, "the records that are there have their times from it"),
        ("durability", &request.durability, "what was acknowledged was promised by it"),
    ];
    match fixed.iter().find(|(_, given, _)| given.is_some()) {
        Some((what, _, why)) => {
            Err(bad(format!("the {what} of `{name}` cannot be changed: {why}; create another stream")))
        }
        None => Ok(()),
    }
}

fn bad(message: String) -> NodeError {
    NodeError::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_bounded() {
        assert!(has_room(false, MAX_POLICIES - 1).is_ok());
        assert!(has_room(true, MAX_POLICIES).is_ok(), "it may be changed");
        assert_eq!(has_room(false, MAX_POLICIES).map_err(|error| error.code), Err(Code::Busy));
    }
}
