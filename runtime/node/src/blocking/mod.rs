//! Work that may wait, for a file or a guest, on the threads that are there for that; and [`gate`], which bounds how many it takes.

pub(crate) mod gate;

use tokio::task::{JoinError, spawn_blocking};

/// Work that came to no end: it panicked, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Broken(#[from] JoinError);

/// Does the work on a thread that may wait.
///
/// # Errors
/// The work's own, or [`Broken`].
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
{
    spawn_blocking(work).await.map_err(Broken)?
}
