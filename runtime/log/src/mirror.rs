//! A mirror: a log that is elsewhere, whose entries' headers are here and whose bodies are fetched when they are wanted.
//!
//! It is a log like any other to those who read it. Its segments have the layout of others, with holes where bodies would lie; they are never synced, and
//! nothing of them outlives the process. What comes into it, and from where, is not its business: whoever has the [`Mirror`] lands whole appends in it, and
//! [`Bodies`] has or gets the rest.

use std::path::Path;
use std::sync::{Arc, Weak};

use arrow_buffer::Buffer;
use dag_model::Timestamp;

use crate::entry::Code;
use crate::inner::Inner;
use crate::log::Open;
use crate::progress::Progress;
use crate::reader::HEAD;
use crate::writer::{self, Writer};
use crate::{
    Base, Committer, Durability, Earliest, End, Entry, Head, Log, OpenError, Options, ReadError, Replicas, Retention,
    Thrown, retention,
};

/// The greatest index and sequence that a mirror begins after.
const MOST: u64 = u64::MAX / 2;

/// A segment of a mirror is as long as that, holes included.
const SEGMENT: u64 = 64 << 20;

/// Where the bodies of a mirror's entries are.
pub trait Bodies: Send + Sync {
    /// The body of an entry. Waits for it where it is elsewhere, within bounds.
    fn get(&self, entry: &Entry) -> Result<Buffer, ReadError>;
    /// Whether [`get`](Bodies::get) waits for nothing.
    fn is_here(&self, entry: &Entry) -> bool;
    /// Has a body fetched, and kept until somebody gets it; says whether that waits for nothing, be it for an error. If it does, the mirror's
    /// readers are told once it does not.
    fn want(&self, entry: &Entry) -> bool;
    /// Nobody has a handle of the mirror any more. Called under no lock, and must not block.
    fn close(&self);
}

/// Why what came for a mirror is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// It is not what comes next, or nothing that a log has.
    #[error("{0}")]
    Misfit(String),
    /// The file can't be written.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The mirror's folder.
        file: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The side of a mirror on which appends come in. It does not keep its log open: who reads it does.
pub struct Mirror {
    inner: Arc<Inner>,
    open: Weak<Open>,
    derived: bool,
}

impl Mirror {
    /// Begins a mirror in `dir`, which is empty or not there yet, and the first handle of its log.
    ///
    /// # Errors
    /// If a file can't be written, or the base is none.
    pub fn begin(
        dir: &Path,
        base: Base,
        bodies: Arc<dyn Bodies>,
        committer: &Committer,
    ) -> Result<(Mirror, Log), OpenError> {
        let Base { mut header, earliest, derived } = base;
        let damaged = |what| OpenError::Damaged { file: dir.to_owned(), offset: 0, what };
        let schema = header.schema().map_err(damaged)?;
        if header.hash.len() != schema.fields.len() + 2 {
            return Err(damaged(format!("hashes of {} columns for {}", header.hash.len(), schema.fields.len())));
        }
        // So that no sum of what comes overflows.
        if header.late > header.first || header.first.max(header.index) > MOST {
            return Err(damaged(format!(
                "index {}, sequence {}, {} late records",
                header.index, header.first, header.late
            )));
        }
        header.number = 0;
        let storage = &**committer.storage();
        let failed = |source| OpenError::Io { file: dir.to_owned(), source };
        storage.create_dir(dir).map_err(failed)?;
        let (segment, file) =
            writer::begin(storage, dir, Durability::Derived, &header).map_err(|error| failed(error.into()))?;
        let writer = Writer::new(segment.clone(), file, &header);
        let mut progress = Progress::new([segment].into(), writer.point(), writer.point().at);
        progress.front = Some(earliest);
        let options =
            Options { segment_bytes: SEGMENT, durability: Durability::Derived, retention: Retention::default() };
        let mut inner = Inner::new(dir.to_owned(), options, Replicas::One, schema, committer.clone(), writer, progress);
        inner.bodies = Some(bodies);
        let inner = Arc::new(inner);
        let log = Log::of(inner.clone());
        Ok((Mirror { inner, open: log.downgrade(), derived }, log))
    }

    /// Another handle of its log; none once all have been dropped.
    pub fn log(&self) -> Option<Log> {
        Log::upgrade(&self.open)
    }

    /// The sequence of the first record that it has.
    pub fn first(&self) -> u64 {
        self.inner.progress().earliest().sequence
    }

    /// Where it is.
    pub fn end(&self) -> End {
        let writer = self.inner.writer();
        let (index, hash) = (writer.index, writer.hash.streams.clone());
        End { epoch: writer.epoch_of(index), index, sequence: writer.sequence, hash, derived: self.derived }
    }

    /// Takes in the next append, all parts of it, shows it, and returns its entries: none where it is here already.
    pub fn land(&self, mut heads: Vec<Head>) -> Result<Vec<Entry>, LandError> {
        let log = &*self.inner;
        let failed = |source| LandError::Io { file: log.dir.clone(), source };
        let mut writer = log.writer();
        if self.derived {
            let index = writer.index + 1;
            heads = heads.into_iter().map(|head| head.numbered(index)).collect();
        }
        if (self.derived || writer.index == 0) && is_repeated(&writer, &heads) {
            return Ok(Vec::new());
        }
        if let Some(what) = misfit(&writer, &heads) {
            return Err(LandError::Misfit(what));
        }
        if writer.offset >= SEGMENT {
            let storage = &**log.committer.storage();
            let rolled = writer.roll(storage, &log.dir, Durability::Derived, 0, Vec::new());
            rolled.map_err(|error| failed(std::io::Error::other(error)))?;
            // Nothing of it is made durable.
            (writer.unsynced, writer.unsynced_names) = (Vec::new(), false);
            log.progress().segments.push_back(writer.segment.clone());
        }
        let mut landed = Vec::new();
        let mut at = writer.point().at;
        for head in &heads {
            let mut bytes = Vec::new();
            let Some(parsed) = head.lay_out(at, &mut bytes) else {
                return Err(LandError::Misfit("a header that is larger than an entry's may be".into()));
            };
            // A reader asks for that much at once, where there is as much.
            let room = bytes.len() + parsed.body.length as usize;
            bytes.resize(bytes.len().max(HEAD.min(room)), 0);
            writer.file.write_at(&bytes, at.offset).map_err(failed)?;
            let start = std::mem::replace(&mut at, parsed.body.end());
            landed.push((start, parsed));
        }
        let entries: Vec<Entry> = landed.iter().filter_map(|(_, parsed)| parsed.entry()).collect();
        let mut recent = log.recent();
        for (start, parsed) in &landed {
            writer.take(parsed);
            if let Some(entry) = parsed.entry() {
                recent.push(*start, entry);
            }
        }
        drop(recent);
        let point = writer.point();
        log.note_epochs(&writer);
        drop(writer);
        if log.settle(point) {
            log.watches.notify();
        }
        Ok(entries)
    }

    /// Removes what the log that it mirrors has said need not be kept.
    pub fn trim(&self, now: Timestamp) -> std::io::Result<()> {
        match retention::is_due(&self.inner, now) {
            true => retention::trim(&self.inner, now, None).map(drop),
            false => Ok(()),
        }
    }

    /// What is left at the front of the log that it mirrors.
    pub fn set_front(&self, earliest: Earliest) {
        self.inner.progress().front = Some(earliest);
    }

    /// Tells those who read it that nobody does any more; the first reason counts.
    pub fn throw(&self, why: Thrown) {
        self.inner.progress().thrown.get_or_insert(why);
        self.inner.watches.notify();
    }

    /// Lets those who read it look again.
    pub fn tell(&self) {
        self.inner.watches.notify();
    }

    /// Removes its files.
    pub fn remove(&self) -> std::io::Result<()> {
        retention::remove(&self.inner)
    }
}

/// Whether it is an append without records that is here already, told again because nothing numbers it.
fn is_repeated(writer: &Writer, heads: &[Head]) -> bool {
    let [head] = heads else { return false };
    let header = head.header();
    header.first == writer.sequence
        && match head.code() {
            Some(Code::Frontier) => header.frontier <= writer.frontier,
            Some(Code::Mark) => header.subject <= writer.mark,
            _ => false,
        }
}

/// Why these are not the next append; none if they are.
fn misfit(writer: &Writer, heads: &[Head]) -> Option<String> {
    let mut sequence = writer.sequence;
    for (part, head) in heads.iter().enumerate() {
        if let Some(wrong) = head.wrong() {
            return Some(wrong);
        }
        let header = head.header();
        let is_next = header.index == writer.index + 1 || header.index == 0 && writer.index == 0;
        let hashes = if header.count > 0 { writer.hash.streams.len() } else { 0 };
        let fits = header.first == sequence
            && is_next
            && header.epoch >= writer.epoch()
            && header.part as usize == part
            && header.parts as usize == heads.len()
            && header.hash.len() == hashes
            && header.frontier >= writer.frontier
            && !writer.ended;
        if !fits {
            return Some(format!(
                "part {} of {} at index {} and sequence {} of epoch {} does not follow index {} and sequence {sequence} of epoch {}",
                header.part + 1,
                header.parts,
                header.index,
                header.first,
                header.epoch,
                writer.index,
                writer.epoch(),
            ));
        }
        sequence += u64::from(header.count);
    }
    heads.is_empty().then(|| "an append without parts".into())
}
