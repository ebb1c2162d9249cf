//! The stream log.

mod commit;
mod entry;
mod log;
mod payload;
mod publishers;
mod reader;
mod source;
mod watch;

pub use commit::{Commit, CommitError, Committer};
pub use entry::{Entry, Kind};
pub use log::{AppendError, Durability, Earliest, Log, OpenError, Options, Retention, RunningHash, Trimmed, Visible};
pub use payload::Loaded;
pub use publishers::{Joined, PublisherId, Refused, readings};
pub use reader::{ReadError, Reader, Start};
pub use source::{Publish, PublishError, Receipt, Source, SourceOptions, Stats};
pub use watch::Watch;
