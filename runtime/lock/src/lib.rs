//! Locks of what all requests look at, under which nothing slow happens.
//!
//! Whoever waits for such a lock waits for a moment only, whatever disk hangs and whatever operator loops: under it memory is read and
//! written, and nothing else. What may take its time says so with [`may_wait`], storage and calls of guests do, and in a debug build that
//! panics where the thread holds one of these locks. There [`longest`] says, too, for how long each was held at most. A release build
//! has none of this: a lock is std's, without poison.
//!
//! ```
//! let streams = dag_lock::Mutex::new("streams", vec!["x"]);
//! streams.lock().push("y");
//! dag_lock::may_wait("a file");
//! assert_eq!(*streams.lock(), ["x", "y"]);
//! ```

mod held;
mod mutex;
mod rwlock;

pub use held::{longest, may_wait};
pub use mutex::{Condvar, Guard, Mutex};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
