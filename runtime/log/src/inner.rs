//! What all handles of a log share, and the order in which it is locked: the writer, then how far the log is, then the rest.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_schema::SchemaRef;
use dag_model::Schema;

use crate::entry::{Code, Location};
use crate::files::Files;
use crate::payload::Part;
use crate::progress::{Point, Progress, Until, Waiting};
use crate::publishers::PublisherRecord;
use crate::recent::Recent;
use crate::watch::Watches;
use crate::writer::{Append, Appended, Turn, Writer};
use crate::{
    AppendError, Bodies, Claim, Commit, CommitError, Committer, Durability, Epoch, NoRoom, Options, ReadError, Replicas,
};
use crate::{kept, reader};
use dag_storage::{StorageFile, sync_above};

/// A log.
pub(crate) struct Inner {
    pub(crate) dir: PathBuf,
    pub(crate) schema: Schema,
    pub(crate) columns: SchemaRef,
    pub(crate) committer: Committer,
    pub(crate) files: Files,
    pub(crate) watches: Arc<Watches>,
    /// Where the bodies of a mirror's entries are; none where they lie in its files.
    pub(crate) bodies: Option<Arc<dyn Bodies>>,
    /// Held while files are made durable, which may take for ever: taken before the writer, and waited for by the committer only.
    pub(crate) committing: Mutex<()>,
    replicas: Replicas,
    options: Mutex<Options>,
    writer: Mutex<Writer>,
    /// The writer's epochs, for those who must not wait for what it writes.
    epochs: Mutex<Vec<Epoch>>,
    progress: Mutex<Progress>,
    recent: Mutex<Recent>,
}

impl Inner {
    pub(crate) fn new(
        dir: PathBuf,
        options: Options,
        replicas: Replicas,
        schema: Schema,
        committer: Committer,
        writer: Writer,
        mut progress: Progress,
    ) -> Inner {
        progress.alone = replicas == Replicas::One;
        Inner {
            dir,
            replicas,
            options: Mutex::new(options),
            columns: dag_model::arrow_schema(&schema),
            schema,
            committer,
            files: Files::default(),
            watches: Arc::default(),
            bodies: None,
            committing: Mutex::default(),
            epochs: Mutex::new(writer.epochs.clone()),
            writer: Mutex::new(writer),
            progress: Mutex::new(progress),
            recent: Mutex::default(),
        }
    }

    pub(crate) fn options(&self) -> Options {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over other options, but for the durability, which was promised for what is there.
    pub(crate) fn alter(&self, options: Options) {
        let mut kept = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Options { durability: kept.durability, ..options };
    }

    /// Lets what is appended next be of a later epoch than `last`: the next one, or the one that is given then.
    pub(crate) fn want_epoch(&self, writer: &mut Writer, last: u64) {
        match self.replicas {
            Replicas::One => writer.begin_epoch(last + 1),
            Replicas::Several { .. } => writer.halted = true,
        }
    }

    /// Whether there are no other replicas.
    pub(crate) fn is_alone(&self) -> bool {
        self.replicas == Replicas::One
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The epochs, ascending. Waits for no disk.
    pub(crate) fn epochs(&self) -> Vec<Epoch> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over the epochs of the writer where it has begun one.
    pub(crate) fn note_epochs(&self, writer: &Writer) {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        if *epochs != writer.epochs {
            epochs.clone_from(&writer.epochs);
        }
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends entries; `publishers` is called where a segment begins. Returns the epoch and the sequence of the first record.
    pub(crate) fn append(
        self: &Arc<Self>,
        append: Append<'_>,
        publishers: impl FnOnce() -> Vec<PublisherRecord>,
    ) -> Result<Appended, AppendError> {
        assert!(self.bodies.is_none(), "what a mirror has is appended elsewhere");
        let mut writer = self.writer();
        let appended = Appended { epoch: append.epoch.unwrap_or_else(|| writer.epoch()), ..writer.next() };
        if let Err(error) = self.append_locked(&mut writer, append, publishers) {
            // Before the writer is let go, so that nobody appends behind what may be torn.
            if let AppendError::Failed(error) = &error {
                self.fail(error.clone());
            }
            return Err(error);
        }
        let shown = match self.options().durability {
            Durability::Os | Durability::Derived if self.is_alone() => self.progress().show(writer.point()),
            _ => {
                self.queue(&mut writer);
                false
            }
        };
        if !writer.unsynced.is_empty() {
            self.queue(&mut writer);
        }
        self.note_epochs(&writer);
        drop(writer);
        if shown {
            self.watches.notify();
        }
        Ok(appended)
    }

    /// Asks for room for records that are to be appended.
    pub(crate) fn admit(&self, parts: &[Part]) -> Result<(), NoRoom> {
        let claim = match self.options().durability {
            Durability::Derived => Claim::Cache,
            Durability::Fsync | Durability::Os => Claim::Kept,
        };
        self.committer.admit(claim, &self.dir, parts.iter().map(|part| part.message.len() as u64).sum())
    }

    fn append_locked(
        &self,
        writer: &mut Writer,
        append: Append<'_>,
        publishers: impl FnOnce() -> Vec<PublisherRecord>,
    ) -> Result<(), AppendError> {
        if let Some(error) = self.progress().failed.clone() {
            return Err(AppendError::Failed(error));
        }
        let sealed = writer.frontier == dag_model::Frontier::Empty && append.code == Code::Records;
        if writer.ended || sealed {
            return Err(AppendError::Sealed);
        }
        match append.epoch {
            None if writer.halted => return Err(AppendError::NoEpoch { last: writer.epoch() }),
            Some(epoch) if epoch <= writer.epoch() => {
                return Err(AppendError::StaleEpoch { asked: epoch, last: writer.epoch() });
            }
            _ => {}
        }
        // What says that records go is no reason for a segment, behind which the last of them would go, too.
        let is_long = append.code != Code::Trim
            && writer.offset >= self.options().segment_bytes
            && writer.offset > writer.segment.start().offset;
        if is_long || writer.segment.old {
            let (storage, durability) = (&**self.committer.storage(), self.options().durability);
            let earliest = self.progress().earliest().sequence;
            writer.roll(storage, &self.dir, durability, earliest, publishers())?;
            self.progress().segments.push_back(writer.segment.clone());
        }
        let synced = self.progress().synced;
        let begins = append.epoch.is_some();
        let written = writer.append(append, synced)?;
        writer.halted &= !begins;
        if std::mem::take(&mut writer.reopened) && self.options().durability == Durability::Os {
            // So that the next crash finds that the log was opened, and in which epoch: whatever it takes of what is shown
            // from now on, no position is used twice.
            writer.file.sync_data().map_err(|error| AppendError::Failed(self.lost(error)))?;
        }
        let mut recent = self.recent();
        for written in written {
            let Some(entry) = written.entry else { continue };
            if let Some(records) = &written.records {
                recent.keep(entry.body.at, records);
            }
            recent.push(written.start, entry);
        }
        Ok(())
    }

    fn queue(self: &Arc<Self>, writer: &mut Writer) {
        match writer.turn {
            Turn::None => {
                writer.turn = Turn::Waiting;
                self.committer.queue(self.clone());
            }
            Turn::Syncing => writer.turn = Turn::Again,
            Turn::Waiting | Turn::Again => {}
        }
    }

    /// Makes all that is written durable and shows it. Called by the committer.
    pub(crate) fn commit(self: &Arc<Self>) {
        let Some((told, outcome, shown)) = self.commit_alone() else { return };
        // Whoever is told may want to mend the log, for which nobody may be committing any more.
        tell(told, &outcome);
        if shown {
            self.watches.notify();
        }
    }

    /// Does that. Returns who is to be told of what, and whether there is more to see; none where the log had failed before.
    fn commit_alone(self: &Arc<Self>) -> Option<(Vec<Waiting>, Result<(), CommitError>, bool)> {
        let _alone = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.writer();
        if self.progress().failed.is_some() {
            writer.turn = Turn::None;
            return None;
        }
        writer.turn = Turn::Syncing;
        let mut files = std::mem::take(&mut writer.unsynced);
        files.push(writer.file.clone());
        let names = std::mem::take(&mut writer.unsynced_names);
        let point = writer.point();
        drop(writer);
        let outcome = self.sync_all(&files, names).map_err(|error| self.lost(error));
        let mut progress = self.progress();
        let (told, shown) = match &outcome {
            Ok(()) => progress.settle(point),
            Err(error) => (progress.fail(error.clone()), false),
        };
        drop(progress);
        let mut writer = self.writer();
        let again = std::mem::replace(&mut writer.turn, Turn::None) == Turn::Again;
        if again {
            self.queue(&mut writer);
        }
        Some((told, outcome, shown))
    }

    fn sync_all(&self, files: &[Arc<dyn StorageFile>], names: bool) -> io::Result<()> {
        files.iter().try_for_each(|file| file.sync_data())?;
        if names {
            let storage = &**self.committer.storage();
            storage.sync_dir(&self.dir)?;
            sync_above(storage, &self.dir)?;
        }
        Ok(())
    }

    fn lost(&self, error: io::Error) -> CommitError {
        CommitError(format!("{}: {error}", self.dir.display()))
    }

    /// Notes that what is before `point` is durable, and tells who waits for that. Says whether there is more to see.
    pub(crate) fn settle(&self, point: Point) -> bool {
        let mut progress = self.progress();
        let (kept, shown) = progress.settle(point);
        drop(progress);
        tell(kept, &Ok(()));
        shown
    }

    /// After a failed sync nobody knows what is on disk: the log takes nothing more until it is [mended](crate::mend) or opened again.
    pub(crate) fn fail(&self, error: CommitError) {
        let waiting = self.progress().fail(error.clone());
        tell(waiting, &Err(error));
    }

    /// Notes that appends up to that index are committed, tells who waits for that, and shows them.
    pub(crate) fn commit_up_to(&self, index: u64) -> Result<(), ReadError> {
        if index <= self.progress().shown.visible.index {
            return Ok(());
        }
        let point = reader::point_after(self, index)?;
        let mut progress = self.progress();
        let shown = progress.show(point);
        let served = progress.served();
        drop(progress);
        tell(served, &Ok(()));
        if shown {
            self.watches.notify();
        }
        Ok(())
    }

    /// Tells `waiting` when what is before `at` is durable, or committed, or can't be.
    pub(crate) fn when(&self, at: Location, until: Until, mended: u64, waiting: Waiting) {
        let mut progress = self.progress();
        match progress.outcome(at, until, mended) {
            None => progress.wait(at, until, waiting),
            Some(outcome) => tell(vec![waiting], &outcome),
        }
    }

    /// Resolves when all that is written so far is committed: where the log is alone, by its own durability.
    pub(crate) fn acknowledged(self: &Arc<Self>) -> Commit {
        match self.options().durability {
            Durability::Os | Durability::Derived if self.is_alone() => Commit::done(),
            _ => {
                let at = self.writer().point().at;
                // What opening found is shown, though nobody has asked for the entry that closed the log to be synced.
                let committed = self.progress().shown.at;
                if committed >= at { Commit::done() } else { Commit::at(self.clone(), at, Until::Committed) }
            }
        }
    }

    /// Resolves when all that is written so far is durable.
    pub(crate) fn sync(self: &Arc<Self>) -> Commit {
        let mut writer = self.writer();
        self.queue(&mut writer);
        Commit::at(self.clone(), writer.point().at, Until::Durable)
    }

    /// Says beside the log up to where it is durable.
    pub(crate) fn say_durable(&self) {
        if self.options().durability == Durability::Derived {
            return;
        }
        let mut writer = self.writer();
        let progress = self.progress();
        let (synced, is_sound) = (progress.synced, progress.failed.is_none() && !progress.segments.is_empty());
        drop(progress);
        if !is_sound || writer.segment.old || writer.closed {
            return;
        }
        if writer.marked.is_none_or(|marked| marked < synced) {
            writer.marked = kept::mark_end(&**self.committer.storage(), &self.dir, writer.marked, synced);
        }
        self.progress().said = synced;
    }

    /// Closes the log in good order, so that opening it again knows that nothing may be missing.
    ///
    /// An error is as good as a crash, and opening deals with that.
    pub(crate) fn close(&self) {
        if let Some(bodies) = &self.bodies {
            bodies.close();
            return;
        }
        let mut writer = self.writer();
        let progress = self.progress();
        let lost = progress.failed.is_some() || progress.segments.is_empty();
        let begins = progress.unclean && writer.reopened;
        drop(progress);
        if self.options().durability == Durability::Derived
            || lost
            || writer.closed
            || writer.segment.old
            || writer.file.sync_data().is_err()
        {
            return;
        }
        let end = writer.point();
        let last = writer.segment.index().last_appended();
        let closed = Append::of(Code::Closed, writer.frontier, last);
        // What comes after this entry is never read as a part of the log, so it needs no sync of its own.
        let _ = writer.append(closed, end.at);
        // Unless it is the only one of an epoch that had to begin.
        if begins && writer.file.sync_data().is_err() {
            return;
        }
        writer.marked = kept::mark_end(&**self.committer.storage(), &self.dir, writer.marked, end.at);
        drop(writer);
        if self.settle(end) {
            self.watches.notify();
        }
    }
}

fn tell(waiting: Vec<Waiting>, outcome: &Result<(), CommitError>) {
    for waiting in waiting {
        // An error means that whoever waited is gone.
        let _ = waiting.send(outcome.clone());
    }
}
