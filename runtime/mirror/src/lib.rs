//! Mirrors: logs that are on other nodes, read like logs that are here.
//!
//! A **mirror** is a [`Log`](dag_log::Log) whose entries' headers are here and whose bodies are elsewhere. Whoever reads it, a computation, a subscription, a
//! cursor, has a `Log` and does not know: seeks, slow readers and many readers are the code of any log. It is a cache that is never synced and does not outlive
//! its process, and nothing is decided by it: facts for decisions come from who has the log itself, and so does what a mirror takes.
//!
//! Read [`wire`] (what is asked and told), [`origin`] (where a log is taken from, however that is reached), `mirroring` (one mirror: how it follows an
//! origin), `fetching` (how bodies come) and `cache` (where they are, and who waits for them), then [`Mirrors`] (all mirrors of a node, and their thread), and in `dag-log` [`Mirror`](dag_log::Mirror), what all
//! of that lands in.
//!
//! ```
//! # use std::sync::Arc;
//! # use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
//! use dag_log::{Committer, Log, Options, Start};
//! use dag_mirror::{Here, Limits, Mirrors, Origin};
//! # use dag_model::{Field, Frontier, Schema, Timestamp, Type};
//! # let folder = tempfile::tempdir().unwrap();
//! # let schema = Schema::new(vec![Field::new("value", Type::Int64)]);
//! # let committer = Committer::new();
//! # let log = Log::create(&folder.path().join("log"), &schema, Options::default(), &committer).unwrap();
//! # let times = TimestampNanosecondArray::from_iter_values([1, 2]).with_timezone("UTC");
//! # let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(Int64Array::from(vec![5, 7]))];
//! # let batch = RecordBatch::try_new(log.arrow_schema().clone(), columns).unwrap();
//! # log.append(&batch, Frontier::At(Timestamp(2)), Timestamp(3)).unwrap();
//! # log.sync().wait().unwrap();
//! let mirrors = Mirrors::start(&folder.path().join("mirrors"), committer, Limits::default()).unwrap();
//! let origin: Arc<dyn Origin> = Arc::new(Here::new(log));
//! let mirror: Log = mirrors.open("cpu", &[origin], 0).unwrap();
//! let entry = mirror.reader(Start::Earliest).unwrap().next().unwrap().unwrap();
//! assert_eq!(mirror.load(&entry).unwrap().batch, batch);
//! ```
//!
//! # What it has
//!
//! It begins with what a segment's header says, made by the origin for the append that has the first record wanted; from there on it has the header of each visible
//! append, in order, all parts of it at once, and follows what comes. Headers lie in files like those of any log, with holes where bodies would be: the pull never
//! waits for bodies to be read, so an operator that waits for a frontier far ahead has all headers up to it. They stay until the stream says that they need not be
//! kept, or nobody has a handle of the mirror.
//!
//! Bodies up to 4 KiB come with their headers. Others are asked for when they are loaded, with what follows them, up to so many bytes ahead of the furthest
//! reader, and are kept within so many bytes, the oldest first to go but for those that somebody waits for. A body is given out when its length and its checksum are those of its header.
//!
//! # When an origin is left
//!
//! | what happens | what follows |
//! |---|---|
//! | it drops, in the middle of a header, an append or a body, or ends its answer, or is silent | what is not whole is forgotten, and the next origin is asked: with where the mirror is, or for the bodies that are still wanted |
//! | it is behind, or in an earlier epoch, or has not heard of the stream's leader for too long | the next one is asked; after all have said no, again after a pause that grows |
//! | what it tells does not follow, or is nothing that a log has | as if it had dropped |
//! | it was cut below what the mirror has: the epoch of the mirror's last append ends earlier there | the mirror is thrown away. Who has read past that place is told `Lost`, others `Replaced`, and read again from where they are |
//! | it has trimmed what comes next, or what is loaded | who comes there is told `Trimmed`, with the earliest that the origin has |
//! | it has removed the log | who reads is told `Removed` |
//! | no origin has answered for some time | who waits for a body is told `Away`, which may be tried again; who waits for what comes goes on waiting |
//!
//! Where a mirror is, it says by the epoch and the index of its last append: an (epoch, index) has one content on all replicas of a source, so there is neither a
//! repeat nor a gap, whoever goes on. Copies of a derived stream number their appends each for itself, and cut records into entries as they like; there the running hash at its end is compared,
//! and what it has not is told from that sequence on. An index that does not follow is refused on landing, too.
//!
//! # Limits
//!
//! [`limits`] has all of them: what a question and a part of an answer may have, what is kept and what is under way in bytes, and how long is waited.
//!
//! # Not yet
//!
//! Copies of a derived stream that have cut its records into other entries at the very place where a mirror changes over, or where it wants a body, are not
//! understood: the mirror asks the next origin. Readers in log order are told when a body has come ([`Reader::fetch`](dag_log::Reader::fetch)); what is merged in
//! time order waits for it on the thread that loads it. What all mirrors of a node keep together is not bounded, but for
//! what each does.

mod ahead;
mod cache;
mod choice;
mod fetching;
pub mod limits;
mod mirroring;
mod mirrors;
pub mod origin;
mod unsteady;
pub mod wire;

pub use limits::Limits;
pub use mirrors::Mirrors;
pub use origin::{Answer, Answering, Here, Next, Origin, Ring};
pub use unsteady::{Through, Unsteady};
