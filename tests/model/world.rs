//! A node and the model of it, side by side: each operation is done to both, and what they show is compared.
//!
//! [`publishing`], [`reading`], [`deploying`] and [`crashing`] are the operations.

mod crashing;
mod deploying;
mod publishing;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::feed::Feed;
use dag_tests::node::data_folder;
use dag_tests::{Node, Options};
use serde_json::json;

use crate::component::{Component, Kit};
use crate::expression::{Expression, SOURCES, expressions};
use crate::program::{Operation, PUBLISHERS};
use crate::reader::{Position, Reader};
use crate::seen::Seen;
use crate::source::{Request, SECOND, Source};

/// How long what must come may take, from the last sign that it does: the machine is shared.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far records of `x` and of `y` may lie behind, in seconds.
const ALLOWANCES: [i64; 2] = [3, 0];

/// What is done wrong on purpose, which the comparison must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The node acknowledges records before they are durable.
    LateSync,
    /// Its snapshots forget what operators hold, and the results that wait to be written.
    ForgetfulSnapshots,
    /// Cursors are moved with what was sent, before it is acknowledged.
    CursorAhead,
    /// What others are computed from goes on when nobody needs it any more.
    InputsStay,
}

impl Bug {
    /// What the node is asked for, if it is the one that does it.
    fn fault(self) -> Option<(&'static str, String)> {
        match self {
            Bug::LateSync => Some(("DAG_FAULT_SYNC", "late".to_owned())),
            Bug::ForgetfulSnapshots => Some(("DAG_FAULT_SNAPSHOTS", "forget".to_owned())),
            Bug::CursorAhead | Bug::InputsStay => None,
        }
    }
}

/// The node, and what it must show.
pub struct World {
    node: Node,
    sources: Vec<Source>,
    expressions: Vec<Expression>,
    readers: Vec<Reader>,
    /// Where readers who left had got to: the position after their last record, and its number in the stream.
    left: Vec<(Expression, Position, usize)>,
    /// By stream: the number of the record after the last one that its cursor was told of.
    cursors: BTreeMap<String, usize>,
    /// The last numbered request of each publisher of each source.
    last: BTreeMap<(usize, usize), Request>,
    components: Vec<Component>,
    seen: Seen,
    bug: Option<Bug>,
    /// Readers that the model knows nothing of.
    unknown: Vec<Feed>,
}

impl World {
    /// A new node, with the sources `x` and `y`. `compiled` is a folder of compiled components, so that nothing is compiled again.
    ///
    /// It has that `bug`.
    pub fn new(compiled: &Path, bug: Option<Bug>) -> World {
        let data = data_folder();
        symlink(compiled, data.path().join("compiled")).expect("the data folder is empty");
        let mut environment = vec![("DAG_FAULT_POWER", "noted".to_owned())];
        environment.extend(bug.and_then(Bug::fault));
        let node = Node::on(
            data,
            Options {
                linger: "20ms",
                arguments: ["--snapshot-interval", "20ms"].map(str::to_owned).to_vec(),
                environment,
                ..Options::default()
            },
        );
        let columns = json!([{"name": "host", "type": "utf8"}, {"name": "value", "type": "int64"}]);
        for ((name, allowance), durability) in SOURCES.iter().zip(ALLOWANCES).zip(["fsync", "os"]) {
            let settings = json!({
                "name": name, "schema": columns, "out_of_order": format!("{allowance}s"), "idle": "1h", "durability": durability,
            });
            let answer = node.http().post("streams", &[], "application/json", settings.to_string().as_bytes());
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        for kit in Kit::ALL {
            let answer = node.http().post("components", &[], "application/wasm", kit.version(0));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        World {
            node,
            sources: ALLOWANCES.into_iter().map(Source::new).collect(),
            expressions: expressions(),
            readers: Vec::new(),
            left: Vec::new(),
            cursors: BTreeMap::new(),
            last: BTreeMap::new(),
            components: Kit::ALL.map(Component::new).to_vec(),
            seen: Seen::default(),
            bug,
            unknown: Vec::new(),
        }
    }

    /// Does all of it, and then seals the sources, so that every reader gets to an end.
    ///
    /// # Errors
    /// At the first difference between the node and the model.
    pub fn run(mut self, program: &[Operation]) -> Result<(), String> {
        for (number, operation) in program.iter().enumerate() {
            self.execute(operation).map_err(|why| format!("operation {number}, {operation:?}: {why}"))?;
        }
        self.finish().map_err(|why| format!("at the end: {why}"))
    }

    fn execute(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::Publish(publish) => {
                let request = self.request(publish);
                let answer = self.send(publish.source, &request)?;
                self.publish(publish.source, &request, &answer)
            }
            Operation::Repeat { source, publisher } => {
                let Some(request) = self.last.get(&(*source, *publisher)).cloned() else { return Ok(()) };
                let answer = self.send(*source, &request)?;
                self.publish(*source, &request, &answer)
            }
            Operation::Skip { source, publisher } => {
                let mut by = self.sources[*source].next(PUBLISHERS[*publisher]);
                by.batch += 1;
                let request =
                    Request { publisher: Some(by), records: Some(vec![self.record(*source)]), ..Request::default() };
                let answer = self.send(*source, &request)?;
                self.publish(*source, &request, &answer)
            }
            Operation::TakeOver { source, publisher } => {
                let old = self.sources[*source].next(PUBLISHERS[*publisher]);
                let mut new = old;
                (new.session, new.batch) = (old.session + 1, 1);
                for by in [new, old] {
                    let request = Request {
                        publisher: Some(by),
                        records: Some(vec![self.record(*source)]),
                        ..Request::default()
                    };
                    let answer = self.send(*source, &request)?;
                    self.publish(*source, &request, &answer)?;
                }
                self.last.remove(&(*source, *publisher));
                Ok(())
            }
            Operation::Subscribe { expression, from, ordered, stop } => {
                let expression = self.expressions[expression % self.expressions.len()].clone();
                self.subscribe(expression, *from, *ordered, *stop)
            }
            Operation::GoOn(place) => self.go_on(*place),
            Operation::Follow(expression) => self.follow(self.expressions[expression % self.expressions.len()].clone()),
            Operation::Acknowledge(reader) => self.acknowledge(*reader),
            Operation::Read(_) if self.readers.is_empty() => Ok(()),
            Operation::Read(reader) => self.read(reader % self.readers.len()),
            Operation::Leave(_) if self.readers.is_empty() => Ok(()),
            Operation::Leave(reader) => {
                let reader = self.readers.swap_remove(reader % self.readers.len());
                self.compare(&reader)?;
                self.remember(&reader);
                Ok(())
            }
            Operation::Alter { source, allowance } => {
                let body = json!({"out_of_order": format!("{allowance}s"), "retention": {"age": "30d"}}).to_string();
                let answer = self.node.http().patch(&format!("streams/{}", SOURCES[*source]), &body);
                self.sources[*source].allowance = allowance * SECOND;
                if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
            }
            Operation::Deploy(deploy) => {
                let answer = deploying::send(self.node.http(), deploy)?;
                self.deploy(deploy, &answer)
            }
            Operation::Settle => self.settle(),
            Operation::Restart => {
                self.node.restart();
                self.come_back()
            }
            Operation::Crash { during, after, power } => self.crash(during.as_ref(), *after, *power),
        }
    }

    /// Reads everything, ends the streams, and looks that all readers get to the end and all computations go.
    fn finish(&mut self) -> Result<(), String> {
        for reader in 0..self.readers.len() {
            self.read(reader)?;
        }
        self.settle()?;
        for source in 0..self.sources.len() {
            let request = Request { seal: true, ..Request::default() };
            let answer = self.send(source, &request)?;
            self.publish(source, &request, &answer)?;
        }
        for reader in 0..self.readers.len() {
            self.read(reader)?;
        }
        self.readers.clear();
        self.settle()
    }

    /// Waits until the node computes what the readers need, and nothing else, with the versions that are current.
    fn settle(&mut self) -> Result<(), String> {
        // Those who have got to their own end need nothing any more, and do not know it before they read.
        for at in 0..self.readers.len() {
            if self.readers[at].stop.is_some() {
                self.read(at)?;
            }
        }
        let mut wanted = Vec::new();
        for reader in self.readers.iter().filter(|reader| reader.feed.end().is_none()) {
            reader.expression.computations(&self.sources, &mut wanted);
        }
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        let (mut moved, mut seen) = (Instant::now(), BTreeSet::new());
        loop {
            let status = self.node.status();
            let computations = status["computations"].as_array().cloned().unwrap_or_default();
            if let Some(failed) = computations.iter().find(|it| it["state"] == "failed") {
                return Err(format!("a computation failed: {failed}"));
            }
            let found: BTreeSet<String> =
                computations.iter().filter_map(|it| it["stream"].as_str()).map(str::to_owned).collect();
            if found == wanted {
                return self.until_current();
            }
            if moved.elapsed() > PATIENCE {
                return Err(format!("computed are {found:?}, wanted {wanted:?}"));
            }
            if found != seen {
                (moved, seen) = (Instant::now(), found);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}
