//! Altering sources while they live: what of their settings may change.

use std::sync::Arc;

use dag_api::{AlterRetention, AlterStream, CreateStream, Retention};
use dag_plan::{Change, Entity, Plan, Proposal};

use crate::metadata::change::{ChangeError, changes};
use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::settings::{self, SettingsError};
use crate::streams::source::{Origin, SourceStream};

/// Why a source is not altered.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
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
    /// A stream of skipped records has no settings.
    #[error("`{name}` is as the node makes it: what `{of}` skips, for seven days")]
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
    /// The change did not come about.
    #[error(transparent)]
    Change(ChangeError),
}

changes!(AlterError);

impl Streams {
    /// Alters a source. Returns it as it is from now on.
    pub async fn alter(self: &Arc<Self>, name: &str, request: AlterStream) -> Result<Arc<SourceStream>, AlterError> {
        let (streams, name) = (self.clone(), name.to_owned());
        self.creating.run(name.clone(), move || streams.alter_now(&name, &request)).await
    }

    fn alter_now(&self, name: &str, request: &AlterStream) -> Result<Arc<SourceStream>, AlterError> {
        if let Origin::Errors(of) = &self.get(name)?.origin {
            return Err(AlterError::Skipped { name: name.to_owned(), of: of.clone() });
        }
        if request.on_error.is_some() {
            return Err(AlterError::NoOperator(name.to_owned()));
        }
        if *request == AlterStream::default() {
            return Err(AlterError::Nothing(name.to_owned()));
        }
        let _turn = self.making.turn(name);
        let source = self.get(name)?;
        let settings = altered(&source.settings, request);
        settings::check(&settings)?;
        self.meta.propose(alteration(&self.meta.plan(), &settings)?)?;
        let altered = Arc::new(source.altered(settings)?);
        self.put(altered.clone());
        Ok(altered)
    }
}

/// A stream's settings are to be others, as a proposal.
fn alteration(plan: &Plan, settings: &CreateStream) -> Result<Proposal, AlterError> {
    let name = &settings.name;
    let (stream, there) = plan.stream_named(name).ok_or_else(|| AlterError::Gone(name.clone()))?;
    let settings = serde_json::to_string(settings).expect("settings are plain values");
    Ok(Proposal::of([Change::Alter { stream, settings }]).on(Entity::Stream(stream), there.revision))
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

/// Refuses to change what never does, of whatever stream.
pub(crate) fn refuse_what_is_fixed(name: &str, request: &AlterStream) -> Result<(), AlterError> {
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
