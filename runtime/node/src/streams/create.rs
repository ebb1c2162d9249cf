//! Making streams, one of a name after the other: its log is made and kept under no lock, and then it is among those that there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::CreateStream;
use dag_lock::{Condvar, Guard, Mutex};
use dag_model::StreamId;
use dag_plan::{Change, Entity, Given, Proposal, Revision};

use crate::blocking::gate::{Gate, Width};
use crate::clock::now;
use crate::layout::DataError;
use crate::streams::Streams;
use crate::streams::error::{StreamError, room_for_stream};
use crate::streams::settings::{check, differences};
use crate::streams::source::{Origin, SourceStream};

/// How many streams are made or altered at a time.
pub(super) const CREATING: Width = Width { what: "to make or alter a stream", most: 16, each: 1, waiting: 1024 };

/// Whose turn it is with each name. Whoever has a turn may take as long as a disk does.
pub(super) struct Making {
    names: Mutex<BTreeSet<String>>,
    free: Condvar,
}

/// A turn with a name. It ends when this is dropped.
pub(super) struct Turn<'a> {
    of: &'a Making,
    name: String,
}

impl Default for Making {
    fn default() -> Making {
        Making { names: Mutex::new("streams that are made", BTreeSet::new()), free: Condvar::new() }
    }
}

impl Making {
    fn names(&self) -> Guard<'_, BTreeSet<String>> {
        self.names.lock()
    }

    /// Waits until nobody else has that name.
    pub fn turn(&self, name: &str) -> Turn<'_> {
        let taken = |names: &mut BTreeSet<String>| names.contains(name);
        let mut names = self.free.wait_while(self.names(), taken);
        names.insert(name.to_owned());
        Turn { of: self, name: name.to_owned() }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.of.names().remove(&self.name);
        self.of.free.notify_all();
    }
}

impl Streams {
    /// Creates a source. Returns it, and whether it is new.
    ///
    /// One that is there as it is wanted is no error; nor is any other where `any` will do.
    pub async fn create(
        self: &Arc<Self>,
        request: CreateStream,
        any: bool,
    ) -> Result<(Arc<SourceStream>, bool), StreamError> {
        let (streams, name) = (self.clone(), request.name.clone());
        self.creating.run(name, move || streams.create_now(request, any)).await
    }

    /// The same on a thread that may wait for the disk.
    pub fn create_now(&self, mut request: CreateStream, any: bool) -> Result<(Arc<SourceStream>, bool), StreamError> {
        request.retention = request.retention.plain();
        check(&request)?;
        if request.name.starts_with("errors(") {
            return Err(StreamError::Reserved(request.name));
        }
        let (source, created) = self.get_or_add(Origin::Published, &request)?;
        if !any && source.settings != request {
            let differences = differences(&source.settings, &request).join("; ");
            return Err(StreamError::Differs { name: request.name, differences });
        }
        Ok((source, created))
    }

    /// What changes streams goes through this, one change of a key at a time.
    pub fn changing(&self) -> &Arc<Gate<String>> {
        &self.creating
    }

    /// The stream of that name, made where it is missing; and whether it is new.
    pub(super) fn get_or_add(
        &self,
        origin: Origin,
        settings: &CreateStream,
    ) -> Result<(Arc<SourceStream>, bool), StreamError> {
        let name = &settings.name;
        let turn = self.making.turn(name);
        if let Some(why) = self.unavailable().why(name) {
            return Err(why.clone().into());
        }
        match self.all().get(name) {
            Some(there) => Ok((there.clone(), false)),
            None => Ok((self.add_source(&turn, origin, settings)?, true)),
        }
    }

    /// Makes a source's log, writes down that it is there, and adds it to those that are.
    fn add_source(
        &self,
        turn: &Turn<'_>,
        origin: Origin,
        settings: &CreateStream,
    ) -> Result<Arc<SourceStream>, StreamError> {
        let others = turn.of.names().len() - 1;
        room_for_stream(self.all().len() + others)?;
        let id = self.name_stream(&origin, settings)?;
        let made = self.make_log(id, origin, settings);
        if made.is_err() {
            // Where that fails, too, the next start does it.
            let _ = self.meta.propose(Proposal::of([Change::Remove { stream: id }]));
        }
        let source = Arc::new(made?);
        self.put(source.clone());
        self.appeared.send_modify(|version| *version += 1);
        Ok(source)
    }

    /// Gives a stream its number.
    fn name_stream(&self, origin: &Origin, settings: &CreateStream) -> Result<StreamId, StreamError> {
        let name = settings.name.clone();
        let origin = match origin {
            Origin::Published => dag_plan::Origin::Published,
            Origin::Errors(of) => dag_plan::Origin::Errors(of.clone()),
        };
        let settings = serde_json::to_string(settings).expect("settings are plain values");
        let create = Change::Create { name: name.clone(), origin, settings };
        let applied = self.meta.propose(Proposal::of([create]).on(Entity::Name(name), Revision(0)))?;
        match applied.given[..] {
            [Given::Stream(id)] => Ok(id),
            ref given => unreachable!("a stream is given a number, not {given:?}"),
        }
    }

    /// Makes a stream's log in the folder of its number, and keeps that it is there.
    fn make_log(&self, id: StreamId, origin: Origin, settings: &CreateStream) -> Result<SourceStream, StreamError> {
        let folder = self.layout.source(id.0);
        // Nobody had that number, so whatever lies there is nothing that anybody was promised.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DataError::of(&folder)(error).into());
            }
            _ => {}
        }
        let source = SourceStream::create(&folder, origin, settings.clone(), &self.committer, &self.deadlines)?;
        // Positions of a stream that had its name before are none of this one.
        let epoch = self.meta.first_epoch()?;
        if epoch > source.source.epoch() {
            source
                .source
                .begin_epoch(epoch, now())
                .map_err(|error| StreamError::Begin { name: settings.name.clone(), error })?;
        }
        self.meta.propose(Proposal::of([Change::Made { stream: id }]))?;
        Ok(source)
    }
}
