//! Where kills land.

use crate::chance::Chance;

/// A moment around what the binary does to a file; see `runtime/storage-faults`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// An entry is about to be written, or is written and nobody knows.
    Append,
    /// The same of a sync.
    Fsync,
    /// The same of a file that gets its final name.
    Rename,
    /// A file is about to be replaced as a whole, is written, or has its name, and the folder is not durable.
    Replace,
    /// A snapshot is about to be written, or is kept.
    Snapshot,
    /// An old segment is about to be removed, or its index is left.
    Retention,
    /// Compiled code is written, or about to get its name.
    Compile,
    /// A change of the metadata, such as a component that is deployed, is about to be durable, or is and nobody knows.
    Metadata,
}

impl Point {
    /// All of them.
    pub const ALL: [Point; 8] = [
        Point::Append,
        Point::Fsync,
        Point::Rename,
        Point::Replace,
        Point::Snapshot,
        Point::Retention,
        Point::Compile,
        Point::Metadata,
    ];

    /// What is done to which file.
    pub fn order(self) -> &'static str {
        match self {
            Point::Append => "write .seg",
            Point::Fsync => "sync .seg",
            Point::Rename => "rename ",
            Point::Replace => "any .new",
            Point::Snapshot => "any /snapshot",
            Point::Retention => "remove .seg",
            Point::Compile => "any compiled/",
            Point::Metadata => "sync meta.redb",
        }
    }

    /// At which pass of it to kill a node that will be given so many batches meanwhile: early enough that it gets there, and never
    /// the same moment for long.
    pub(super) fn pass(self, batches: u64, chance: &mut Chance) -> u64 {
        1 + chance.below(match self {
            Point::Append | Point::Fsync => 2 * batches,
            Point::Rename | Point::Metadata => 12,
            // Each file that is replaced is made, written, synced and renamed.
            Point::Replace | Point::Snapshot => 32,
            Point::Compile => 16,
            Point::Retention => 4,
        })
    }
}

/// So many points in some order, each of them as often as the others.
pub(super) fn shuffled(count: usize, chance: &mut Chance) -> Vec<Point> {
    let mut points: Vec<Point> = Point::ALL.into_iter().cycle().take(count).collect();
    for last in (1..points.len()).rev() {
        points.swap(last, chance.below(last as u64 + 1) as usize);
    }
    points
}
