//! What the node does that costs: syncs, as its storage counts them, and entities of the plan that it writes, as it says in its log.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use dag_tests::{Node, Pace};
use serde_json::Value;

/// For how many ticks nothing is counted before all is taken to be done.
const QUIET: u32 = 15;

/// The file that the node appends its counts to, and a clock on the same disk.
pub struct Counts(PathBuf, Pace);

/// Where something begins in what is counted.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    file: u64,
    log: usize,
}

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

    /// Arguments of a node that says what it writes.
    pub const ARGUMENTS: [&str; 4] = ["--log-level", "error,metadata=trace", "--log-format", "json"];

    /// Where all of that ends, once what was begun is done: some of it goes on when nobody waits for it any more.
    pub fn end(&self, node: &Node) -> Place {
        let length = || std::fs::metadata(&self.0).map_or(0, |file| file.len());
        let (mut known, mut quiet) = (length(), 0);
        while quiet < QUIET {
            self.1.tick();
            quiet = if length() == known { quiet + 1 } else { 0 };
            known = length();
        }
        Place { file: known, log: node.log().len() }
    }

    /// What was counted behind that place, once what was begun is done.
    pub fn since(&self, node: &Node, place: Place) -> Counted {
        self.end(node);
        let mut file = File::open(&self.0).expect("the node has counted something");
        file.seek(SeekFrom::Start(place.file)).expect("it is a file");
        let mut counted = BTreeMap::new();
        for line in BufReader::new(file).lines() {
            let line = line.expect("it is text");
            let (what, by) = line.rsplit_once(' ').expect("each line is words and a number");
            *counted.entry(what.to_owned()).or_default() += by.parse::<u64>().expect("it is a number");
        }
        for line in node.log()[place.log..].lines() {
            let said: Value = serde_json::from_str(line).expect("the log is JSON");
            if said["target"] == "metadata" {
                let entities = said["fields"]["entities"].as_u64().expect("it says how many");
                *counted.entry("entities".to_owned()).or_default() += entities;
            }
        }
        Counted(counted)
    }
}

impl Counted {
    /// How many of these.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(what, by)| format!("{by} {what}")).collect();
        f.pad(&parts.join(" "))
    }
}
