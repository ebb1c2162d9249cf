//! Source streams whose logs cannot be opened. The node runs without them, and tells whoever asks for one why it is not there: a log that
//! is missing or damaged is never made anew under the name of what was in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dag_api::{CreateStream, Stream};

use crate::streams::source::Origin;

/// Why a stream is not there that should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotOpened(Arc<str>);

/// The sources that could not be opened when the node started, by name.
#[derive(Clone, Debug, Default)]
pub struct Unavailable {
    streams: BTreeMap<String, (Stream, NotOpened)>,
}

impl Unavailable {
    /// The log of one more stream cannot be opened.
    pub fn push(&mut self, origin: &Origin, settings: CreateStream, error: &dyn fmt::Display) {
        let message = format!(
            "stream `{}` cannot be opened: {error}; nothing of it was changed: put its folder back as it was, from a backup, say, and \
             start the node again",
            settings.name
        );
        tracing::error!(stream = settings.name, "{message}");
        let shown = Stream {
            name: origin.canonical(&settings.name),
            kind: origin.kind().to_owned(),
            schema: settings.schema.clone(),
            state: "unavailable".to_owned(),
            settings: Some(settings.clone()),
            note: Some(message.clone()),
            ..Stream::default()
        };
        self.streams.insert(settings.name, (shown, NotOpened(message.into())));
    }

    /// The stream of that name is removed.
    pub fn remove(&mut self, name: &str) {
        self.streams.remove(name);
    }

    /// Why the stream of that name cannot be used, if it is here.
    pub fn why(&self, name: &str) -> Option<&NotOpened> {
        self.streams.get(name).map(|(_, error)| error)
    }

    /// Why they cannot be used, by name.
    pub fn all(&self) -> impl Iterator<Item = (&String, &NotOpened)> {
        self.streams.iter().map(|(name, (_, error))| (name, error))
    }

    /// The stream of that name as listings show it, if it is here.
    pub fn stream(&self, name: &str) -> Option<Stream> {
        self.streams.get(name).map(|(shown, _)| shown.clone())
    }

    /// All of them as listings show them.
    pub fn streams(&self) -> impl Iterator<Item = Stream> {
        self.streams.values().map(|(shown, _)| shown.clone())
    }
}
