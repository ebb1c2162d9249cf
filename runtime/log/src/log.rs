//! A stream's log: the handle that everything else holds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use dag_model::{Frontier, Schema, Timestamp};
use dag_storage::sync_above;

use crate::entry::{Code, Location};
use crate::inner::Inner;
use crate::progress::Progress;
use crate::publishers::PublisherRecord;
use crate::recovery::{self, Recovered};
use crate::retention;
use crate::writer::{self, Append, Writer};
use crate::{
    AppendError, Commit, Committer, Durability, Earliest, Entry, Epoch, Loaded, OpenError, Options, ReadError, Reader,
    Replicas, RunningHash, Start, Trimmed, Visible, Watch, hash_at, kept, payload, reader,
};

/// The last append of a log that is durable here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The epoch that it was written in.
    pub epoch: u64,
    /// Its index; 0 where there is none that has one.
    pub index: u64,
}

/// What opening a log cut off its end: what a crash left of entries that nobody had been promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: cut at offset {offset}: {what}", file = file.display())]
pub struct Cut {
    /// The segment file.
    pub file: PathBuf,
    /// Where its first byte was that was cut off.
    pub offset: u64,
    /// What was found there.
    pub what: String,
}

/// A stream's log. Clones are handles of one log; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Log {
    open: Arc<Open>,
}

/// Closes the log when the last handle is gone, whoever else still reads it or waits for it.
pub(crate) struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("dir", &self.inner().dir).field("visible", &self.visible()).finish()
    }
}

impl Log {
    /// Makes an empty log in `dir`, which is created where it is missing.
    pub fn create(dir: &Path, schema: &Schema, options: Options, committer: &Committer) -> Result<Log, OpenError> {
        let storage = &**committer.storage();
        let failed = |source| OpenError::Io { file: dir.to_owned(), source };
        storage.create_dir(dir).map_err(failed)?;
        if storage.list(dir).map_err(failed)?.iter().any(|name| crate::segment::number(name).is_some()) {
            return Err(OpenError::Exists(dir.to_owned()));
        }
        let header = writer::first_header(schema);
        let begun = || -> io::Result<_> {
            if options.durability == Durability::Derived {
                return Ok(writer::begin(storage, dir, options.durability, &header)?);
            }
            kept::mark(storage, dir, header.number)?;
            let begun = writer::begin(storage, dir, options.durability, &header)?;
            sync_above(storage, dir)?;
            Ok(begun)
        };
        let (segment, file) = begun().map_err(|source| {
            // So that trying again finds nothing. If that fails, too, opening the log is the way to go on.
            let _ = storage.remove(&crate::segment::path(dir, header.number));
            failed(source)
        })?;
        let mut writer = Writer::new(segment.clone(), file, &header);
        writer.unsynced_names = options.durability == Durability::Derived;
        let end = writer.point();
        let durable = if writer.unsynced_names { Location { offset: 0, ..end.at } } else { end.at };
        let progress = Progress::new([segment].into(), end, durable);
        let (dir, alone) = (dir.to_owned(), Replicas::One);
        let inner = Inner::new(dir, options, alone, schema.clone(), committer.clone(), writer, progress);
        Ok(Log::of(Arc::new(inner)))
    }

    /// Opens the log in `dir`, cutting a torn tail, of which [`cut`](Log::cut) tells.
    pub fn open(dir: &Path, options: Options, committer: &Committer) -> Result<Log, OpenError> {
        Log::open_with_publishers(dir, options, Replicas::One, committer).map(|(log, _)| log)
    }

    /// Opens the log of a source.
    pub(crate) fn open_with_publishers(
        dir: &Path,
        options: Options,
        replicas: Replicas,
        committer: &Committer,
    ) -> Result<(Log, Vec<PublisherRecord>), OpenError> {
        let recovered = recovery::recover(&**committer.storage(), dir, options.durability)?;
        let Recovered { segments, writer, schema, publishers, durable, synced, cut, unclean, short } = recovered;
        let mut progress = Progress::new(segments, writer.point(), durable);
        (progress.synced, progress.cut) = (synced, cut);
        (progress.unclean, progress.short) = (unclean || short, short);
        progress.durable_index = writer.index;
        let inner = Inner::new(dir.to_owned(), options, replicas, schema, committer.clone(), writer, progress);
        let inner = Arc::new(inner);
        if unclean || short {
            let mut writer = inner.writer();
            let last = writer.epoch();
            inner.want_epoch(&mut writer, last);
            inner.note_epochs(&writer);
            inner.progress().shown = writer.point();
        }
        if let Replicas::Several { committed } = replicas {
            let shown = reader::point_after(&inner, committed)
                .map_err(|error| OpenError::Io { file: dir.to_owned(), source: io::Error::other(error) })?;
            inner.progress().shown = shown;
        }
        Ok((Log::of(inner), publishers))
    }

    /// Whether, when it was opened, something may have been missing at its end that had been shown: under [`Durability::Os`] after a crash, or
    /// where it [is short](Log::is_short). What comes then is of a new epoch.
    pub fn is_unclean(&self) -> bool {
        self.inner().progress().unclean
    }

    /// Whether it was cut, when it was opened, below a place that had been durable: no crash does that, but a disk, or somebody.
    pub fn is_short(&self) -> bool {
        self.inner().progress().short
    }

    /// Says that all appends up to that index are committed, here and on other replicas: who waits for them is told, and readers see them. That it
    /// is not here yet, or was committed before, is no matter.
    ///
    /// # Errors
    /// If the entry can't be read.
    pub fn commit(&self, index: u64) -> Result<(), ReadError> {
        self.inner().commit_up_to(index)
    }

    /// The last append that is durable here: what a replica may promise. It is an append as a whole.
    pub fn durable(&self) -> Durable {
        let inner = self.inner();
        let writer = inner.writer();
        let index = inner.progress().durable_index.min(writer.index);
        Durable { epoch: writer.epoch_of(index), index }
    }

    /// The epochs of what is kept, ascending; the last one is in force.
    pub fn epochs(&self) -> Vec<Epoch> {
        self.inner().epochs()
    }

    /// The revision of the plan that its last mark names.
    pub fn mark(&self) -> Option<u64> {
        Some(self.inner().writer().mark).filter(|revision| *revision > 0)
    }

    /// Refuses the log in `dir`, if there is one, where a newer program wrote it. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError::Newer`], or where a file can't be read.
    pub fn check_version(dir: &Path, committer: &Committer) -> Result<(), OpenError> {
        crate::version::check(&**committer.storage(), dir)
    }

    /// The first handle of a log.
    pub(crate) fn of(inner: Arc<Inner>) -> Log {
        Log { open: Arc::new(Open(inner)) }
    }

    pub(crate) fn downgrade(&self) -> Weak<Open> {
        Arc::downgrade(&self.open)
    }

    pub(crate) fn upgrade(open: &Weak<Open>) -> Option<Log> {
        open.upgrade().map(|open| Log { open })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.open.0
    }

    /// What was cut off when it was opened.
    pub fn cut(&self) -> Option<Cut> {
        self.inner().progress().cut.clone()
    }

    /// Removes its folder and all files in it. What handles remain can neither read nor append.
    pub fn remove(&self) -> io::Result<()> {
        retention::remove(self.inner())
    }

    /// How many handles there are of it.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.open)
    }

    /// The stream's columns.
    pub fn schema(&self) -> &Schema {
        &self.inner().schema
    }

    /// The same as Arrow's, with `time` in front: the schema of all batches.
    pub fn arrow_schema(&self) -> &SchemaRef {
        &self.inner().columns
    }

    /// Appends records, none late, and the frontier after them; returns the sequence of the first.
    ///
    /// A frontier that is less than the one before counts as that.
    pub fn append(&self, batch: &RecordBatch, frontier: Frontier, now: Timestamp) -> Result<u64, AppendError> {
        let inner = self.inner();
        let parts = payload::encode(batch, &inner.columns)?;
        if parts.is_empty() {
            self.advance(frontier, now)?;
            return Ok(inner.writer().sequence);
        }
        inner.admit(&parts)?;
        self.append_derived(Append { parts: &parts, ..Append::of(Code::Records, frontier, now) })
    }

    /// Appends records some of which are late, with the frontier that each of those came behind in the input that it is from; returns the
    /// sequence of the first. The running hash covers both.
    ///
    /// # Panics
    /// If there are not as many marks as records, or not as many frontiers as late ones.
    pub fn append_late(
        &self,
        batch: &RecordBatch,
        late: &BooleanBuffer,
        behind: &[Timestamp],
        frontier: Frontier,
        now: Timestamp,
    ) -> Result<u64, AppendError> {
        assert_eq!((late.len(), late.count_set_bits()), (batch.num_rows(), behind.len()), "one for each");
        let inner = self.inner();
        let parts = payload::encode(batch, &inner.columns)?;
        if parts.is_empty() {
            self.advance(frontier, now)?;
            return Ok(inner.writer().sequence);
        }
        inner.admit(&parts)?;
        let append = Append::of(Code::Records, frontier, now);
        self.append_derived(Append { parts: &parts, late: Some(late), behind: Some(behind), ..append })
    }

    /// Appends a frontier; nothing where it is not greater than the one before.
    pub fn advance(&self, frontier: Frontier, now: Timestamp) -> Result<(), AppendError> {
        if frontier <= self.inner().writer().frontier {
            return Ok(());
        }
        self.append_derived(Append::of(Code::Frontier, frontier, now)).map(drop)
    }

    /// Appends a mark: here that revision of the plan takes effect. The frontier is the log's own.
    pub fn append_mark(&self, revision: u64, now: Timestamp) -> Result<(), AppendError> {
        let mark = Append::of(Code::Mark, Frontier::START, now);
        self.append_derived(Append { subject: revision, ..mark }).map(drop)
    }

    /// Appends the end of the incarnation: nothing can be appended after it.
    pub fn end(&self, frontier: Frontier, now: Timestamp) -> Result<(), AppendError> {
        self.append_derived(Append::of(Code::End, frontier, now)).map(drop)
    }

    fn append_derived(&self, append: Append<'_>) -> Result<u64, AppendError> {
        Ok(self.inner().append(append, Vec::new)?.first)
    }

    /// Asks for what was appended so far to be made durable, whatever the durability of the log.
    pub fn sync(&self) -> Commit {
        self.inner().sync()
    }

    /// What readers can see.
    pub fn visible(&self) -> Visible {
        self.inner().progress().shown.visible
    }

    /// Calls `notify` after every change of [`visible`](Log::visible), on the thread that made it, which holds no lock of the log but may
    /// hold its [`Source`](crate::Source)'s: it must neither block nor call that.
    pub fn on_visible(&self, notify: Arc<dyn Fn() + Send + Sync>) -> Watch {
        self.inner().watches.register(notify)
    }

    /// What is left at the front; of a mirror, what is at that of its origins' logs.
    pub fn earliest(&self) -> Earliest {
        let progress = self.inner().progress();
        progress.front.unwrap_or_else(|| progress.earliest())
    }

    /// A reader from `start` on.
    pub fn reader(&self, start: Start) -> Result<Reader, ReadError> {
        Reader::new(self.inner().clone(), start)
    }

    /// The epoch of the record with that sequence; past the end, that of the next record to come.
    ///
    /// Of what lies before the earliest epoch that is known it is that one.
    pub fn epoch_at(&self, sequence: u64) -> u64 {
        let epochs = self.inner().epochs();
        let after = epochs.partition_point(|begun| begun.first <= sequence).max(1);
        epochs.get(after - 1).map_or(1, |begun| begun.epoch)
    }

    /// Whether a reader that has read everything before `sequence`, the last of it in `epoch`, can go on from there: also into later
    /// epochs, unless `epoch` was cut below it.
    pub fn check(&self, epoch: u64, sequence: u64) -> Result<(), ReadError> {
        let epochs = self.inner().epochs();
        let current = epochs.last().map_or(1, |last| last.epoch);
        let later = epochs.iter().find(|later| later.epoch > epoch).copied();
        let progress = self.inner().progress();
        match later {
            Some(Epoch { first: end, .. }) if sequence > end => Err(ReadError::Lost { epoch, asked: sequence, end }),
            None if epoch > current => Err(ReadError::PastEnd { asked: sequence, end: progress.shown.visible.end }),
            _ => reader::check_sequence(&progress, sequence),
        }
    }

    /// The records of an entry of this log.
    pub fn load(&self, entry: &Entry) -> Result<Loaded, ReadError> {
        reader::load(self.inner(), entry)
    }

    /// Removes what retention no longer keeps; never the segment that is written to.
    pub fn trim(&self, now: Timestamp) -> io::Result<Trimmed> {
        retention::trim(self.inner(), now, None)
    }

    /// Whether [`trim`](Log::trim) may have something to remove. Waits for no disk.
    pub fn is_trim_due(&self, now: Timestamp) -> bool {
        retention::is_due(self.inner(), now)
    }

    /// Says beside the log up to where it is durable, so that an end which is lost before that place is known to be. Syncs nothing, and takes
    /// no room; where it cannot be said, nothing is worse than before.
    pub fn say_durable(&self) {
        self.inner().say_durable();
    }

    /// Whether more of it is durable than was [said](Log::say_durable). Waits for no disk.
    pub fn is_durable_unsaid(&self) -> bool {
        let progress = self.inner().progress();
        progress.synced > progress.said
    }

    /// The size of all segments.
    pub fn bytes(&self) -> u64 {
        self.inner().progress().segments.iter().map(|segment| segment.index().end().offset).sum()
    }

    /// The running hash after the last append.
    pub fn hash(&self) -> RunningHash {
        self.inner().writer().hash.clone()
    }

    /// The running hash over the records before `sequence`, which is kept or is the next to come.
    pub fn hash_at(&self, sequence: u64) -> Result<RunningHash, ReadError> {
        hash_at::hash_at(self.inner(), sequence)
    }

    /// What readers see of it, and how many records of that came late.
    pub(crate) fn shown(&self) -> (Visible, u64) {
        let shown = self.inner().progress().shown;
        (shown.visible, shown.late)
    }
}
