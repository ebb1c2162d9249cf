//! Storage for tests, behind the same trait as the operating system's files.
//!
//! [`Failing`] makes a chosen operation of any other storage fail, before it did anything or half-way through. [`Disk`] is a
//! file system in memory that remembers what was made durable, so that its power can be cut. On real files, [`Volatile`] lets what a process
//! did not sync die with it, and [`Noted`] notes beside each file what a power cut would leave of it. [`Lying`] says that it has synced
//! what it has not. [`Surrounded`] does something around each operation: [`Slow`] lets those of a running process hang, or take their time,
//! [`Kill`] kills the process at a chosen one, [`Counts`] counts.
//!
//! The binary that end-to-end tests run is built with the feature `armed` of `dag-node`, and obeys the [`environment`]. No other
//! binary has anything of this crate in it.
//!
//! ```
//! use dag_storage::Storage;
//! use dag_storage_faults::Disk;
//! use std::path::Path;
//!
//! let disk = Disk::new();
//! let file = disk.create(Path::new("/a")).unwrap();
//! file.write_at(b"kept", 0).unwrap();
//! file.sync_data().unwrap();
//! disk.sync_dir(Path::new("/")).unwrap();
//! file.write_at(b"lost", 0).unwrap();
//! let after = disk.cut_power(|_| 0);
//! let mut found = [0; 4];
//! after.open(Path::new("/a")).unwrap().read_at(&mut found, 0).unwrap();
//! assert_eq!(&found, b"kept");
//! ```

mod around;
mod count;
mod disk;
pub mod environment;
mod failing;
mod file;
mod folder;
mod kill;
mod lying;
mod noted;
mod operation;
mod random;
mod slow;
mod volatile;

pub use around::{Around, Surrounded};
pub use count::Counts;
pub use disk::Disk;
pub use failing::{Failing, Fault, Held, How};
pub use kill::Kill;
pub use lying::{Lie, Lying};
pub use noted::{DURABLE, Noted};
pub use operation::Operation;
pub use random::Random;
pub use slow::Slow;
pub use volatile::Volatile;
