//! How much a node has.

use std::fmt;

use dag_tests::{Feed, Node};
use serde_json::json;

/// How many of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub sources: usize,
    pub computations: usize,
    pub subscribers: usize,
}

impl Size {
    pub const WHOLE: Size = Size { sources: 4_000, computations: 3_000, subscribers: 4_000 };

    /// What the environment asks for.
    pub fn asked() -> Size {
        if std::env::var_os("DAG_TESTS_SCALE").is_some() { Size::WHOLE } else { Size::WHOLE.part(10) }
    }

    /// A hundredth of it.
    pub fn hundredth(self) -> Size {
        self.part(100)
    }

    fn part(self, by: usize) -> Size {
        Size { sources: self.sources / by, computations: self.computations / by, subscribers: self.subscribers / by }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { sources, computations, subscribers } = self;
        f.pad(&format!("{sources}/{computations}/{subscribers}"))
    }
}

/// How many runs a node has that are stored, in the whole form.
const STORED: usize = 10_000;

/// What a node has been given.
#[derive(Default)]
pub struct Filled {
    sources: usize,
    subscribers: Vec<Feed>,
}

impl Filled {
    /// Gives the node what it lacks of that size; each subscriber has its first result.
    #[track_caller]
    pub fn fill(&mut self, node: &Node, size: Size) {
        for number in self.sources..size.sources {
            source(node, &format!("s{number}"));
        }
        self.sources = size.sources;
        for number in self.subscribers.len()..size.subscribers {
            // Beyond the computations that there are to be, subscribers share.
            let feed = subscribe(node, &format!("avg(s{}, 10s)", number % size.computations));
            self.subscribers.push(feed);
        }
    }
}

/// Lets there be as many stored runs as the whole form asks for: each has been computed once. Returns how many were added.
#[track_caller]
pub fn store(node: &Node, size: Size) -> usize {
    let more = if size == Size::WHOLE { STORED - size.computations } else { 0 };
    for number in 0..more {
        let (source, window) = (number % size.sources, number / size.sources + 11);
        drop(subscribe(node, &format!("avg(s{source}, {window}s)")));
    }
    more
}

/// Makes a source with two records, which close a window.
#[track_caller]
pub fn source(node: &Node, name: &str) {
    let schema = json!([{"name": "host", "type": "utf8"}, {"name": "value", "type": "float64"}]);
    let body = json!({"name": name, "schema": schema}).to_string();
    let created = node.http().post("streams", &[], "application/json", body.as_bytes());
    assert!(created.status < 300, "{created:?}");
    publish(node, name, &[0, 60]);
}

/// Publishes a record at each of these seconds.
#[track_caller]
pub fn publish(node: &Node, stream: &str, seconds: &[i64]) {
    let line = |second: &i64| format!("{{\"time\":{second},\"host\":\"a\",\"value\":1}}\n");
    let answer = node.http().publish(stream, &[], &seconds.iter().map(line).collect::<String>());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A subscriber that has the first result.
#[track_caller]
pub fn subscribe(node: &Node, expression: &str) -> Feed {
    let parameters = [("expr", expression), ("from", "earliest")];
    let mut feed = Feed::open(node.url(), &parameters).expect("the node is there").expect("it is subscribed to");
    feed.line(dag_tests::DEADLINE).expect("a window has closed");
    feed
}
