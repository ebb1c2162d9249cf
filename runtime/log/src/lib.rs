//! The stream log: every stream's records, kept in the order in which they came, and rewound to any place.
//!
//! Read [`entry`](Entry) for what a log consists of, then [`Log`], [`Reader`], [`Committer`] for when an append is shown,
//! [`Source`] for publishers and the frontier that follows from them, and [`Mirror`] for a log that is elsewhere. Inside: `writer` appends, `recovery` opens,
//! `publishers` decides what a request means, `progress` is what readers see.
//!
//! ```
//! use dag_log::{Committer, Log, Options, Start};
//! use dag_model::{Field, Frontier, Schema, Timestamp, Type};
//! # use std::sync::Arc;
//! # use arrow_array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
//! # let dir = tempfile::tempdir().unwrap();
//! let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
//! let log = Log::create(dir.path(), &schema, Options::default(), &Committer::new()).unwrap();
//! # let times = TimestampNanosecondArray::from_iter_values([1, 2]).with_timezone("UTC");
//! # let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(Float64Array::from(vec![0.5, 0.7]))];
//! # let batch = RecordBatch::try_new(log.arrow_schema().clone(), columns).unwrap();
//! log.append(&batch, Frontier::At(Timestamp(2)), Timestamp(3)).unwrap();
//! log.sync().wait().unwrap();
//! let mut reader = log.reader(Start::Time(Timestamp(2))).unwrap();
//! let entry = reader.next().unwrap().unwrap();
//! assert_eq!(log.load(&entry).unwrap().batch, batch);
//! ```
//!
//! # On disk
//!
//! A log is a folder. Its segments are `00000000000000000000.seg`, `00000000000000000001.seg`, and so on; the last one is
//! written to, the others are sealed and each has an index beside it, `00000000000000000000.idx`. Until its header is whole, and
//! unless the log is derived durable, a segment is called `00000000000000000002.new`. Numbers are
//! little-endian. *postcard* is the encoding of that crate: fields in order, integers as varints (signed ones in zigzag),
//! a sequence as its length and its items, an option as 0 or as 1 and the value.
//!
//! Unless the log is derived, an empty file `00000000000000000003.first` says by its name from which segment on the log is kept:
//! retention renames it, durably, before it removes a segment, so that one that is missing is known to be lost.
//!
//! Another, `00000000000000000003-00000000000000004096.last`, says that the log was durable up to that byte of that segment when it was opened, when
//! a segment was begun, when it was closed, or when that was asked for last, which nodes do once a minute while it grows: it is renamed after that, so that it says less at times, and never more. Between that, each entry says
//! what was durable before it.
//!
//! A segment is a header and then entries, all of them at multiples of 8:
//!
//! ```text
//! header of a segment                             an index file has the same form, with the magic "dagI"
//!   0  4  magic "dagS"
//!   4  2  format version, 2
//!   6  2  zero
//!   8  4  n, the length of the content
//!  12  4  CRC-32 of bytes 0..12 and of the content with its padding
//!  16  n  content, postcard
//!      p  zeros up to a multiple of 8
//!
//! entry
//!   0  4  magic "dagE"
//!   4  1  entry version, 2
//!   5  1  kind: 1 records, 2 frontier or publishers, 3 end of the incarnation, 4 closed in good order, 5 epoch, 6 mark, 7 trim;
//!         8 schema is room that nothing writes yet
//!   6  2  zero
//!   8  4  n, the length of the header
//!  12  4  m, the length of the body, a multiple of 8
//!  16  4  CRC-32 of the body
//!  20  4  CRC-32 of the segment's number (8 bytes), the entry's offset (8 bytes), bytes 0..20, the header with its padding
//!  24  n  header, postcard
//!      p  zeros up to a multiple of 8
//!      m  body
//! ```
//!
//! The content of a segment's header is what its entries build on:
//!
//! | field | type |
//! |---|---|
//! | number of the segment | u64 |
//! | index of the last append before | u64, 0 if there is none |
//! | schema versions, the last one in force | list of schemas |
//! | id of the next new column | u32 |
//! | epochs, the last one in force | list of (epoch u64, its first index u64, its first sequence u64) |
//! | revision of the last mark before | u64, 0 if there is none |
//! | trimmed: records before that sequence need not be kept | u64 |
//! | first sequence | u64 |
//! | late records before | u64 |
//! | greatest time before | i64, the least one if there is none |
//! | frontier before | 0 and an i64, or 1 for the empty one |
//! | running hash before | list of u64: late marks, then each column, `time` first |
//! | publishers | list of publishers |
//!
//! A schema is the sequence of the first record that has it (u64) and a list of columns: (id u32, name, type code u8: 1 boolean, 2 int64,
//! 3 float64, 4 utf8, 5 binary, 6 timestamp). A column keeps its id when its type is widened, and no id is given twice. Of the epochs
//! are left out those in which nothing was appended, and, when a segment is begun, those that lie before the first record kept.
//!
//! The header of an entry:
//!
//! | field | type |
//! |---|---|
//! | epoch, index, first sequence | u64, u64, u64 |
//! | records, late ones among them | u32, u32 |
//! | least and greatest time | i64, i64 |
//! | frontier after it | as above |
//! | when it was appended | i64 |
//! | which part of its append it is, from 0, and of how many | u32, u32 |
//! | up to which offset this segment was durable when it was written | u64 |
//! | publishers as they are after it, those that it changes | list of publishers |
//! | publishers that are forgotten after it | list of names |
//! | running hash after it | list of u64; empty without records |
//! | whether the body has what late records came behind | 0 or 1 |
//! | of a mark the plan's revision, of a trim the first sequence kept, else 0 | u64 |
//! | of a schema entry all columns from here on, else none | list of columns |
//!
//! A publisher is its name, its session (u64), the number of its last accepted batch (u64), when it was last heard of (i64),
//! its latest record's time (an option of i64), while it is joined, an option of: since when (i64), its bound (i64); its own allowance in
//! nanoseconds (an option of u64), and its bookmark (at most 64 bytes, a list of u8).
//!
//! Each append has an **index**, with records or without, from 1 on and without gaps: what replication speaks of, while sequences,
//! which count records only, are for readers. The unit is the append: its parts have one index, lie in one segment, and are written, made
//! durable, shown and cut off together. An entry that closes the log in good order belongs to this copy of it only, and names the index
//! before it. An **epoch** entry is the first of its epoch, which is never the log's own idea: it is given with it, or
//! with the append that comes next where a node is alone. A **mark** says that here a revision of the plan takes effect, a **trim** that
//! what is before need not be kept: retention of a source says so before it removes anything. An entry of an unknown kind that is whole is a newer program's: the log is refused, not cut.
//!
//! The body of an entry with records is, where some of them but not all are late, a bitmap of those (bit 0 of byte 0 is the
//! first record) and zeros up to a multiple of 8; in a derived log that says so, for each late record the frontier that stood before
//! the input append that it came from (i64); then an Arrow IPC encapsulated record batch message, aligned to 8, its
//! buffers LZ4 frames if that is smaller. Other entries have no body.
//!
//! The running hash is, for the late marks and then for each column, a CRC-32 in the lower and one in the upper half of a u64: over the sequences of
//! late records and over the frontiers that they came behind; over a column's values and over its nulls and lengths.
//!
//! The content of an index file: a list of points; the point after the last entry; when the last entry was appended (i64).
//! A point is an offset (u64), the index of the last append before it (u64), the next sequence there (u64), the greatest time of the log
//! before it (i64), the frontier before it. Points are 64 KiB apart or more. An index that is missing or is not its segment's
//! is made again.
//!
//! # Version 1
//!
//! Its segments and entries (`version_1`) lack the fields index, id of columns, mark, trimmed, forgotten, what late records came behind,
//! subject and columns; its epochs the first index, its publishers allowance and bookmark, and it has the kinds 1 to 4. A log of version 1
//! goes on in a new segment: what lies before is the base of its indexes, which is index 0.
//!
//! # What it survives
//!
//! | fault | what holds afterwards | held by |
//! |---|---|---|
//! | the process is killed | what was acknowledged or shown is there; what was not is there as a whole or not at all | `tests/power.rs` |
//! | the power fails: of what was not synced any part is lost, in any order | the same under `Fsync`; under `Os` a prefix is left and no position is used twice, since a new epoch begins ([`Log::is_unclean`]); a derived log has a prefix with all that was synced | `tests/power.rs`, which finds a log that does not sync or acknowledges before |
//! | one operation of the storage fails, does half of what it should, or does it and says that it failed | what was acknowledged is there, what was sent again is there once, and the log opens. A sync, a rename or the undoing of a write that fails ends writing until the log is opened again, or goes on by itself, in a new epoch, as a source under `Fsync` does (`mend`); all else only refuses what was asked | `tests/failures.rs`, each operation of a workload in turn |
//! | a failed sync leaves bytes that are read, are not on disk, and are not written by later syncs | nothing is acknowledged that was not written again | `tests/power.rs` |
//! | a bit flips | opening or reading names file and offset; no other data is ever delivered. At the end of a log that was not closed it looks like a torn write: it is cut off, and [`Log::cut`] names it | `tests/flips.rs`, each byte of a log |
//! | a file is lost | a log without any segment, without one in the middle or without its first ones is refused by name, and so is one without the last that it surely had |
//! `tests/recovery.rs` |
//! | its last file is cut below what was surely durable | the log opens, says so ([`Log::is_short`]) and goes on in a new epoch |
//! `tests/recovery.rs` |
//! | the disk is full | publishing is refused, reading and opening go on, and publishing goes on once there is room; [`Committer::keep_free`] refuses before, and results of computations before records | `tests/space.rs` |
//!
//! A log does not survive two failures at once, such as a power cut in which a disk loses what it said was synced. It finds that
//! when it is opened, and is refused.
//!
//! # Limits
//!
//! An entry has at most 65,536 records and 8 MiB, larger appends are several entries; a record has at most 64 MiB; an entry forgets at most
//! 1,000 publishers. A source
//! has at most 1,000 publishers joined and remembers 10,000, all sources over one committer 100,000; a name has at most 256 bytes.

mod ahead;
mod base;
mod clock;
mod commit;
mod copy;
mod entry;
mod error;
mod files;
mod framed;
mod hash;
mod hash_at;
mod head;
mod index;
mod inner;
mod kept;
mod log;
mod mend;
mod mirror;
mod opened;
mod options;
mod payload;
mod progress;
mod publishers;
mod reader;
mod recent;
mod recovery;
mod reserve;
mod retention;
mod scan;
mod segment;
mod source;
mod stamp;
mod tail;
mod version;
mod version_1;
mod watch;
mod writer;

pub use ahead::{Refused, readings};
pub use base::{Base, End, Standing};
pub use clock::{Clock, Moment, Steady};
pub use commit::{Commit, CommitError, Committer};
pub use copy::{Copied, Extent};
pub use dag_storage::{OsStorage, Space, Storage, StorageFile, is_full};
pub use entry::{Entry, Kind};
pub use error::{AppendError, OpenError};
pub use hash::RunningHash;
pub use head::{Head, Heads};
pub use log::{Cut, Durable, Log};
pub use mirror::{Bodies, LandError, Mirror};
pub use options::{Durability, Options, Replicas, Retention};
pub use payload::Loaded;
pub use progress::{Earliest, Thrown, Visible};
pub use publishers::{Joined, PublisherId};
pub use reader::{ReadError, Reader, Start};
pub use reserve::{Claim, NoRoom};
pub use retention::Trimmed;
pub use segment::Epoch;
pub use source::{Due, Publish, PublishError, Receipt, Source, SourceOptions, Stats, TakenOver, TrimError};
pub use watch::Watch;
