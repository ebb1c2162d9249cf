//! The stream log.

mod ahead;
mod commit;
mod entry;
mod files;
mod framed;
mod hash;
mod index;
mod inner;
mod log;
mod payload;
mod progress;
mod publishers;
mod reader;
mod recent;
mod recovery;
mod retention;
mod scan;
mod segment;
mod source;
mod storage;
mod watch;
mod writer;

pub use ahead::{Refused, readings};
pub use commit::{Commit, CommitError, Committer};
pub use entry::{Entry, Kind};
pub use hash::RunningHash;
pub use log::{AppendError, Durability, Log, OpenError, Options, Retention};
pub use payload::Loaded;
pub use progress::{Earliest, Visible};
pub use publishers::{Joined, PublisherId};
pub use reader::{ReadError, Reader, Start};
pub use retention::Trimmed;
pub use source::{Publish, PublishError, Receipt, Source, SourceOptions, Stats};
pub use storage::{OsStorage, Storage, StorageFile};
pub use watch::Watch;
