//! Removing streams: metadata forgets one first, durably, and then its files go. A crash between the two leaves files that the next start
//! removes.

use std::fs;
use std::io;
use std::sync::Arc;

use dag_model::{IncarnationId, StreamId};

use crate::metadata::new_number;
use crate::streams::Streams;
use crate::streams::create::Turn;
use crate::streams::error::StreamError;
use crate::streams::source::SourceStream;

/// A stream that is to be removed: it is not among those that there are, and comes back where this is dropped before it is. As long as this is
/// held, nobody makes another of its name.
pub(crate) struct Removing<'a> {
    streams: &'a Streams,
    id: StreamId,
    /// `None` of one that cannot be opened.
    source: Option<Arc<SourceStream>>,
    name: String,
    _turn: Turn<'a>,
}

impl Streams {
    /// The number of the stream of that name, whether it can be opened or not.
    pub fn number(&self, name: &str) -> Option<StreamId> {
        self.meta.plan().stream_named(name).filter(|(_, stream)| stream.made).map(|(id, _)| id)
    }

    /// Takes a stream from those that there are, so that nobody comes to use it any more.
    pub fn take(&self, name: &str) -> Result<Removing<'_>, StreamError> {
        let turn = self.making.turn(name);
        let Some(id) = self.number(name) else { return Err(self.unknown(name)) };
        let mut open = self.open.write();
        let source = Arc::make_mut(&mut open).remove(name);
        drop(open);
        Ok(Removing { streams: self, id, source, name: name.to_owned(), _turn: turn })
    }
}

impl Removing<'_> {
    /// Removes it, and in the same moment what of derived streams goes with it: these incarnations, whose files are the caller's to remove,
    /// and these cursors.
    pub fn remove(&mut self, incarnations: &[IncarnationId], cursors: Vec<String>) -> Result<(), StreamError> {
        let streams = self.streams;
        let epoch = match &self.source {
            Some(source) => source.source.log().epochs().last().map_or(1, |last| last.epoch),
            // It may have come to any; those of other streams are far below.
            None => streams.meta.first_epoch()?.saturating_add(u64::from(new_number() as u32)),
        };
        streams.meta.remove(Some((self.id, epoch)), incarnations, cursors)?;
        let folder = streams.layout.source(self.id.0);
        let gone = match self.source.take() {
            Some(source) => source.source.log().remove(),
            None => {
                Arc::make_mut(&mut streams.unavailable.write()).remove(&self.name);
                fs::remove_dir_all(&folder)
            }
        };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let folder = folder.display();
                tracing::warn!(stream = self.name, %folder, %error, "what is left of a deleted stream goes with the next start");
            }
            _ => tracing::info!(stream = self.name, "deleted"),
        }
        Ok(())
    }
}

impl Drop for Removing<'_> {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.streams.put(source);
        }
    }
}
