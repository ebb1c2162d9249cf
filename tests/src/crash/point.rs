//! Where kills land.

use crate::chance::Chance;

/// A moment that the binary marks; see `runtime/fault`.
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
    /// A component is about to be noted, or is noted and nobody can use it yet.
    Deploy,
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
        Point::Deploy,
    ];

    /// Its name in the binary.
    pub fn name(self) -> &'static str {
        match self {
            Point::Append => "append",
            Point::Fsync => "fsync",
            Point::Rename => "rename",
            Point::Replace => "replace",
            Point::Snapshot => "snapshot",
            Point::Retention => "retention",
            Point::Compile => "compile",
            Point::Deploy => "deploy",
        }
    }

    /// At which pass of it to kill a node that will be given so many batches meanwhile: early enough that it gets there, and never
    /// the same moment for long.
    pub(super) fn pass(self, batches: u64, chance: &mut Chance) -> u64 {
        1 + chance.below(match self {
            Point::Append | Point::Fsync => 2 * batches,
            Point::Rename | Point::Replace | Point::Snapshot => 12,
            Point::Compile | Point::Deploy => 6,
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
