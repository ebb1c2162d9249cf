//! Group commit.

/// The thread that makes appended entries durable, one per node.
#[derive(Clone)]
pub struct Committer {}

impl Committer {
    /// Starts the thread. It ends when the last clone is gone.
    pub fn new() -> Committer {
        todo!()
    }
}

impl Default for Committer {
    fn default() -> Self {
        Committer::new()
    }
}

/// A promise that what was appended is durable.
#[derive(Clone)]
pub struct Commit {}

/// The log could not be written; it takes nothing more until it is opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log failed: {0}")]
pub struct CommitError(pub String);

impl Commit {
    /// Blocks until it is durable.
    pub fn wait(&self) -> Result<(), CommitError> {
        todo!()
    }

    /// Calls `done` once it is durable or has failed: at once where that is so already, else on the committer's thread.
    pub fn on_done(&self, _done: impl FnOnce(Result<(), CommitError>) + Send + 'static) {
        todo!()
    }
}
