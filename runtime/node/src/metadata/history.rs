//! The history of components: which version was made the current one, when and how. It is kept in order, and gone through again when a
//! node starts, so that the same versions are current then.

use dag_model::{Digest, Timestamp};
pub use dag_plan::How;
use dag_wasm::Version;

/// A version that was made the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The component's name.
    pub component: String,
    /// Its version.
    pub version: Version,
    /// What it is.
    pub digest: Digest,
    /// When; none where a node did it that did not record times.
    pub at: Option<Timestamp>,
    /// How.
    pub how: How,
}

/// All that was made current, in that order.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    /// A version has become the current one.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// A component was removed, and is as if it had never been.
    pub fn forget(&mut self, component: &str) {
        self.entries.retain(|entry| entry.component != component);
    }

    /// Whether that component ever was current.
    pub fn contains(&self, digest: Digest) -> bool {
        self.entries.iter().any(|entry| entry.digest == digest)
    }

    /// The one of that component's versions that had this number.
    pub fn of_version(&self, component: &str, version: Version) -> Option<Digest> {
        let of = |entry: &&Entry| entry.component == component && entry.version == version;
        self.entries.iter().rev().find(of).map(|entry| entry.digest)
    }

    /// The version of that component that was current before the one that is: a rolled back one is as if it had not been.
    pub fn previous(&self, component: &str) -> Option<Digest> {
        let mut line: Vec<Digest> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.component == component) {
            match line.iter().position(|earlier| *earlier == entry.digest) {
                Some(place) if entry.how == How::RolledBack => line.truncate(place + 1),
                // Whoever was told that a deployment failed, and deployed again, may have done it twice.
                Some(place) if place + 1 == line.len() => {}
                _ => line.push(entry.digest),
            }
        }
        line.pop();
        line.pop()
    }

    /// Whether somebody has made another version current since that one was. A newer one that only came with the binary does not count:
    /// what ran before keeps its version through a restart.
    pub fn superseded(&self, digest: Digest) -> bool {
        let Some(last) = self.entries.iter().rposition(|entry| entry.digest == digest) else { return false };
        let component = &self.entries[last].component;
        self.entries[last + 1..].iter().any(|entry| entry.component == *component && entry.how != How::Embedded)
    }

    /// Each version of a component once, with its place among all entries, by when it last became current.
    pub fn versions(&self, component: &str) -> Vec<(usize, &Entry)> {
        let mut versions: Vec<(usize, &Entry)> = Vec::new();
        for (place, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.component == component) {
            versions.retain(|(_, earlier)| earlier.digest != entry.digest);
            versions.push((place, entry));
        }
        versions
    }

    /// The names of components, the one that was changed last first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        let last = |place: usize, entry: &Entry| {
            !self.entries[place + 1..].iter().any(|later| later.component == entry.component)
        };
        let entries = self.entries.iter().enumerate().rev();
        entries.filter(move |(place, entry)| last(*place, entry)).map(|(_, entry)| entry.component.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history of one component, whose versions' digests are their first numbers.
    fn history(entries: &[(u8, How)]) -> History {
        let mut history = History::default();
        for (number, how) in entries {
            let version = Version { major: u64::from(*number), minor: 0, patch: 0 };
            let (component, digest) = ("peak".to_owned(), Digest([*number; 32]));
            history.push(Entry { component, version, digest, at: None, how: *how });
        }
        history
    }

    fn digest(number: u8) -> Digest {
        Digest([number; 32])
    }

    #[test]
    fn a_rollback_goes_to_what_was_current_before_and_the_next_one_further() {
        use How::{Deployed, RolledBack};
        assert_eq!(history(&[(1, Deployed)]).previous("peak"), None);
        let mut entries = vec![(1, Deployed), (2, Deployed), (3, Deployed)];
        assert_eq!(history(&entries).previous("peak"), Some(digest(2)));
        entries.push((2, RolledBack));
        assert_eq!(history(&entries).previous("peak"), Some(digest(1)));
        entries.push((4, Deployed));
        assert_eq!(history(&entries).previous("peak"), Some(digest(2)), "3 was rolled back");
        assert_eq!(history(&entries).previous("other"), None);
    }

    #[test]
    fn what_was_deployed_twice_in_a_row_is_taken_back_at_once() {
        use How::Deployed;
        assert_eq!(history(&[(1, Deployed), (2, Deployed), (2, Deployed)]).previous("peak"), Some(digest(1)));
    }

    #[test]
    fn what_was_rolled_back_can_come_again() {
        use How::{Deployed, RolledBack};
        let entries = [(1, Deployed), (2, Deployed), (1, RolledBack), (2, Deployed)];
        assert_eq!(history(&entries).previous("peak"), Some(digest(1)));
        let versions: Vec<u8> = history(&entries).versions("peak").iter().map(|(_, entry)| entry.digest.0[0]).collect();
        assert_eq!(versions, [1, 2]);
    }

    #[test]
    fn only_what_somebody_deployed_supersedes() {
        use How::{Deployed, Embedded, RolledBack};
        let embedded = history(&[(1, Embedded), (2, Embedded)]);
        assert!(!embedded.superseded(digest(1)));
        assert!(history(&[(1, Embedded), (2, Deployed)]).superseded(digest(1)));
        let rolled_back = history(&[(1, Deployed), (2, Deployed), (1, RolledBack)]);
        assert!(rolled_back.superseded(digest(2)) && !rolled_back.superseded(digest(1)));
    }
}
