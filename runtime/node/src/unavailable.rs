//! Source streams whose logs cannot be opened. The node runs without them, and tells whoever asks for one why it is not there: a log that
//! is missing or damaged is never made anew under the name of what was in it.

use std::collections::BTreeMap;

use dag_log::OpenError;

use crate::api::{CreateStream, Stream};
use crate::error::{Code, NodeError};

/// The sources that could not be opened when the node started, by name.
#[derive(Debug, Default)]
pub struct Unavailable {
    streams: BTreeMap<String, (CreateStream, NodeError)>,
}

impl Unavailable {
    /// The log of one more stream cannot be opened.
    pub fn push(&mut self, settings: CreateStream, error: &OpenError) {
        let message = format!(
            "stream `{}` cannot be opened: {error}; nothing of it was changed: put its folder back as it was, from a backup, say, and \
             start the node again",
            settings.name
        );
        tracing::error!(stream = settings.name, "{message}");
        self.streams.insert(settings.name.clone(), (settings, NodeError::new(Code::Internal, message)));
    }

    /// Why the stream of that name cannot be used, if it is here.
    pub fn why(&self, name: &str) -> Option<&NodeError> {
        self.streams.get(name).map(|(_, error)| error)
    }

    /// Why they cannot be used, by name.
    pub fn all(&self) -> impl Iterator<Item = (&String, &NodeError)> {
        self.streams.iter().map(|(name, (_, error))| (name, error))
    }

    /// The stream of that name as listings show it, if it is here.
    pub fn stream(&self, name: &str) -> Option<Stream> {
        self.streams.get(name).map(|(settings, error)| stream(settings, error))
    }

    /// All of them as listings show them.
    pub fn streams(&self) -> impl Iterator<Item = Stream> {
        self.streams.values().map(|(settings, error)| stream(settings, error))
    }
}

fn stream(settings: &CreateStream, error: &NodeError) -> Stream {
    Stream {
        name: dag_expr::syntax::name::Quoted(&settings.name).to_string(),
        kind: "source".to_owned(),
        schema: settings.schema.clone(),
        state: "unavailable".to_owned(),
        settings: Some(settings.clone()),
        note: Some(error.message.clone()),
        ..Stream::default()
    }
}
