//! What was covered, so that a green run says of what.

use std::fmt;

/// How often each thing happened. Added up over seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(Vec<(&'static str, u64)>);

impl Coverage {
    /// It happened.
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// It happened so often.
    pub fn add(&mut self, what: &'static str, often: u64) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, what) || *known == what) {
            Some((_, count)) => *count += often,
            None => self.0.push((what, often)),
        }
    }

    /// What happened in another.
    pub fn join(&mut self, other: &Coverage) {
        for (what, often) in &other.0 {
            self.add(what, *often);
        }
    }

    /// How often it happened.
    pub fn of(&self, what: &str) -> u64 {
        self.0.iter().find(|(known, _)| *known == what).map_or(0, |(_, often)| *often)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = self.0.clone();
        rows.sort_unstable();
        rows.iter().try_for_each(|(what, often)| writeln!(f, "  {often:>10}  {what}"))
    }
}

/// What ten thousand schedules have to have.
pub const EXPECTED: [&str; 35] = [
    "appends committed",
    "batches fenced",
    "batches of an earlier session",
    "crashes at any time",
    "crashes between sending and sync",
    "crashes right after a promise",
    "crashes right after an append",
    "elections",
    "elections of settled streams",
    "ends told",
    "failed writes",
    "leaders taken for dead",
    "leaves before the last batch",
    "logs lost",
    "logs that part",
    "logs' ends lost",
    "messages doubled",
    "messages dropped",
    "messages into a partition",
    "messages late",
    "new bases",
    "partitions",
    "partitions of one way",
    "pauses",
    "publishers that begin anew",
    "publishers' numbers told",
    "reads from disk",
    "repeats",
    "seals",
    "set changes finished",
    "set changes taken back",
    "set changes: joint",
    "switches that want a mark",
    "trims",
    "truncations",
];
