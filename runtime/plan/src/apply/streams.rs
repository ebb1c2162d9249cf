//! What becomes of streams, and of what derived ones do with records on which their operators fail.

use dag_model::StreamId;

use super::{Given, Refusal, Step};
use crate::entity::Entity;
use crate::incarnation::LogId;
use crate::plan::Policy;
use crate::stream::{Origin, SourceStream};

/// The most streams that are published to or hold what others have skipped: each takes files, and some memory.
pub const MAX_STREAMS: usize = 10_000;

/// The most derived streams with a policy.
pub const MAX_POLICIES: usize = 10_000;

impl Step {
    pub(super) fn create(&mut self, name: &str, origin: &Origin, settings: &str) -> Result<Given, Refusal> {
        if self.plan.stream_named(name).is_some() {
            return Err(Refusal::Exists(Entity::Name(name.to_owned())));
        }
        if self.plan.streams_len() >= MAX_STREAMS {
            return Err(Refusal::Full { what: "streams", most: MAX_STREAMS });
        }
        let id = StreamId(self.plan.counters.stream);
        self.plan.counters.stream += 1;
        let stream = SourceStream {
            name: name.to_owned(),
            origin: origin.clone(),
            settings: settings.to_owned(),
            made: false,
            epoch: 0,
            revision: self.revision,
        };
        self.put_stream(id, Some(stream));
        Ok(Given::Stream(id))
    }

    pub(super) fn made(&mut self, id: StreamId) -> Result<(), Refusal> {
        let before = self.stream(id)?;
        if !before.made {
            self.put_stream(id, Some(SourceStream { made: true, revision: self.revision, ..before }));
        }
        Ok(())
    }

    pub(super) fn alter(&mut self, id: StreamId, settings: &str) -> Result<(), Refusal> {
        let stream = SourceStream { settings: settings.to_owned(), revision: self.revision, ..self.stream(id)? };
        self.put_stream(id, Some(stream));
        Ok(())
    }

    pub(super) fn begin_epoch(&mut self, id: StreamId, lost: Option<&str>) -> Result<Given, Refusal> {
        let before = self.stream(id)?;
        let epoch = before.epoch.saturating_add(1);
        self.put_stream(id, Some(SourceStream { epoch, revision: self.revision, ..before }));
        if let Some(why) = lost {
            self.lose(&LogId::Source(id), why);
        }
        Ok(Given::Epoch(epoch))
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Result<(), Refusal> {
        self.stream(id)?;
        self.forget_readers(&LogId::Source(id), &Entity::Stream(id))?;
        let cursors: Vec<String> = self.plan.cursors_in(id).map(str::to_owned).collect();
        for cursor in cursors {
            self.plan.put_cursor(&cursor, None);
            self.touched.insert(Entity::Cursor(cursor));
        }
        self.put_stream(id, None);
        Ok(())
    }

    pub(super) fn policy(&mut self, stream: &str, skip: bool) -> Result<(), Refusal> {
        if self.plan.policy(stream).is_none() && self.plan.policies_len() >= MAX_POLICIES {
            return Err(Refusal::Full { what: "derived streams with an `on_error`", most: MAX_POLICIES });
        }
        self.plan.put_policy(stream.to_owned(), Policy { skip, revision: self.revision });
        self.touched.insert(Entity::Policy(stream.to_owned()));
        Ok(())
    }

    fn stream(&self, id: StreamId) -> Result<SourceStream, Refusal> {
        let stream = self.plan.stream(id).ok_or(Refusal::Missing(Entity::Stream(id)))?;
        Ok(SourceStream::clone(stream))
    }

    fn put_stream(&mut self, id: StreamId, stream: Option<SourceStream>) {
        let names = self.plan.stream(id).map(|before| before.name.clone());
        let names = names.into_iter().chain(stream.as_ref().map(|stream| stream.name.clone()));
        self.touched.extend(names.map(Entity::Name));
        self.touched.insert(Entity::Stream(id));
        self.plan.put_stream(id, stream);
    }
}
