//! Storage for tests, behind the same trait as the operating system's files.
//!
//! [`Failing`] makes a chosen operation of any other storage fail, before it did anything or half-way through. [`Disk`] is a
//! file system in memory that remembers what was made durable, so that its power can be cut. [`Volatile`] does that to a
//! process on real files: what it did not sync dies with it. [`Slow`] lets operations of a running process hang, or take their time.
//!
//! ```
//! use dag_log::Storage;
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

mod disk;
mod failing;
mod file;
mod folder;
mod operation;
mod random;
mod slow;
mod volatile;

pub use disk::Disk;
pub use failing::{Failing, Fault, Held, How};
pub use operation::Operation;
pub use random::Random;
pub use slow::Slow;
pub use volatile::Volatile;
