//! A component that is deployed in one version after the other: which of them is current, and what may become so.

use std::fs;
use std::sync::LazyLock;

use dag_tests::version::{BY, ONE, THREE, TWO, Version};

/// The components that programs deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kit {
    /// Has the aggregate `tally`.
    Count,
    /// Has the transforms `steps` and `mark`.
    Walk,
}

/// What somebody wants to be current.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// One of [`VERSIONS`].
    Version(usize),
    /// A later one of [`Kit::Walk`] that changes what expressions mean.
    Incompatible,
    /// What was current before.
    Previous,
}

/// What comes of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This one becomes current.
    Becomes(usize),
    /// This one is current.
    Repeat(usize),
    /// With this code.
    Refused(&'static str),
}

/// A component.
#[derive(Clone, Debug)]
pub struct Component {
    pub kit: Kit,
    /// The versions that became current, one after the other.
    history: Vec<usize>,
    /// Those without what was rolled back. The last one is current.
    line: Vec<usize>,
}

/// The versions of each component, in ascending order. The last one does not read the others' state.
pub const VERSIONS: [Version; 3] = [ONE, TWO, THREE];

impl Kit {
    /// All of them.
    pub const ALL: [Kit; 2] = [Kit::Count, Kit::Walk];

    /// Its operators.
    pub fn operators(self) -> &'static [&'static str] {
        match self {
            Kit::Count => &["tally"],
            Kit::Walk => &["steps", "mark"],
        }
    }

    /// The bytes of a version, which are built once.
    pub fn version(self, version: usize) -> &'static [u8] {
        static COUNT: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| VERSIONS.map(|version| read(&version.tally("Tally"))));
        static WALK: LazyLock<[Vec<u8>; 3]> =
            LazyLock::new(|| VERSIONS.map(|version| read(&version.steps(BY, "value"))));
        match self {
            Kit::Count => &COUNT[version],
            Kit::Walk => &WALK[version],
        }
    }
}

/// The bytes of [`Wanted::Incompatible`].
pub fn incompatible() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let version = Version { number: "9.0.0", ..ONE };
        read(&version.steps("/// Counted for each record.\nnamed by: i64 = \"2\",", "value"))
    });
    &BYTES
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).expect("it was built")
}

impl Component {
    /// One whose first version is current.
    pub fn new(kit: Kit) -> Component {
        Component { kit, history: vec![0], line: vec![0] }
    }

    /// The version that is current.
    pub fn current(&self) -> usize {
        *self.line.last().expect("one is current")
    }

    /// What each version that became current adds to its values, one after the other.
    pub fn offsets(&self) -> Vec<i64> {
        self.history.iter().map(|version| VERSIONS[*version].offset).collect()
    }

    /// What comes of a wish.
    pub fn judge(&self, wanted: Wanted) -> Verdict {
        match wanted {
            Wanted::Incompatible => Verdict::Refused("incompatible"),
            Wanted::Version(version) if version < self.current() => Verdict::Refused("version"),
            Wanted::Version(version) if version == self.current() => Verdict::Repeat(version),
            Wanted::Version(version) => Verdict::Becomes(version),
            Wanted::Previous => match self.line.as_slice() {
                [.., previous, _] => Verdict::Becomes(*previous),
                _ => Verdict::Refused("version"),
            },
        }
    }

    /// A version becomes current.
    pub fn becomes(&mut self, version: usize) {
        self.history.push(version);
        self.line.retain(|earlier| *earlier < version);
        self.line.push(version);
    }
}
