//! What the node counts.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use dag_tests::Pace;

/// For how many ticks nothing is counted before all is taken to be done.
const QUIET: u32 = 15;

/// The file that the node appends its counts to, and a clock on the same disk.
pub struct Counts(PathBuf, Pace);

/// What something cost, by what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted(BTreeMap<String, u64>);

impl Counts {
    /// The file of that name, which the node makes.
    pub fn at(path: PathBuf) -> Counts {
        let pace = Pace::on(path.parent().expect("it lies in a folder"));
        Counts(path, pace)
    }

    /// The variable's value that asks the node to count.
    pub fn path(&self) -> String {
        self.0.to_str().expect("it is UTF-8").to_owned()
    }

    /// Where the file ends, once what was begun is done: some of it goes on when nobody waits for it any more.
    pub fn end(&self) -> u64 {
        let length = || std::fs::metadata(&self.0).map_or(0, |file| file.len());
        let (mut known, mut quiet) = (length(), 0);
        while quiet < QUIET {
            self.1.tick();
            quiet = if length() == known { quiet + 1 } else { 0 };
            known = length();
        }
        known
    }

    /// What was counted behind that place, once what was begun is done.
    pub fn since(&self, place: u64) -> Counted {
        self.end();
        let mut file = File::open(&self.0).expect("the node has counted something");
        file.seek(SeekFrom::Start(place)).expect("it is a file");
        let mut counted = BTreeMap::new();
        for line in BufReader::new(file).lines() {
            let line = line.expect("it is text");
            let (what, by) = line.split_once(' ').expect("each line is a word and a number");
            *counted.entry(what.to_owned()).or_default() += by.parse::<u64>().expect("it is a number");
        }
        Counted(counted)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(what, by)| format!("{by} {what}")).collect();
        f.pad(&parts.join(" "))
    }
}
