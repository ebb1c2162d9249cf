//! A node and the model of it, side by side: each operation is done to both, and what they show is compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::feed::{End, Feed, encoded};
use dag_tests::http::Answer;
use dag_tests::node::data_folder;
use dag_tests::{Node, Options};
use serde_json::json;

use crate::expression::{Expression, Row, SOURCES, expressions};
use crate::program::{Ending, From, HOSTS, Operation, PUBLISHERS, Publish};
use crate::reader::{Position, Reader, Start};
use crate::source::{Outcome, Record, Request, SECOND, Source, rfc3339};

/// How long what must come may take: the machine is shared.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most readers at once.
const READERS: usize = 8;

/// How far records of `x` and of `y` may lie behind, in seconds.
const ALLOWANCES: [i64; 2] = [3, 0];

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
    /// Which record each position names: the same one for every reader at every time.
    named: HashMap<(String, Position), Row>,
}

impl World {
    /// A new node, with the sources `x` and `y`. `compiled` is a folder of compiled components, so that nothing is compiled again.
    ///
    /// `bug` is planted in the node.
    pub fn new(compiled: &Path, bug: &str) -> World {
        let data = data_folder();
        symlink(compiled, data.path().join("compiled")).expect("the data folder is empty");
        let node = Node::on(
            data,
            Options {
                linger: "20ms",
                arguments: ["--snapshot-interval", "20ms"].map(str::to_owned).to_vec(),
                environment: vec![("DAG_FAULT_POWER", "1".to_owned()), ("DAG_FAULT_BUG", bug.to_owned())],
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
        World {
            node,
            sources: ALLOWANCES.into_iter().map(Source::new).collect(),
            expressions: expressions(),
            readers: Vec::new(),
            left: Vec::new(),
            cursors: BTreeMap::new(),
            last: BTreeMap::new(),
            named: HashMap::new(),
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
            Operation::Subscribe { expression, from, ordered } => {
                self.subscribe(self.expressions[expression % self.expressions.len()].clone(), *from, *ordered)
            }
            Operation::GoOn(_) if self.left.is_empty() || self.readers.len() >= READERS => Ok(()),
            Operation::GoOn(place) => {
                let (expression, position, number) = self.left[place % self.left.len()].clone();
                self.open(expression, Start::At(number), &text(position), false)
            }
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
            Operation::Settle => self.settle(),
            Operation::Restart => {
                self.node.restart();
                self.come_back()
            }
            Operation::Crash { publish: None, power, .. } => {
                crash(&mut self.node, *power);
                self.come_back()
            }
            Operation::Crash { publish: Some(publish), after, power } => {
                let request = self.request(publish);
                self.crash_during(publish.source, &request, Duration::from_micros(*after), *power)?;
                self.come_back()
            }
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

    fn record(&self, source: usize) -> Record {
        Record { time: self.sources[source].latest() + 1, host: HOSTS[0], value: 1 }
    }

    fn request(&mut self, publish: &Publish) -> Request {
        let source = &self.sources[publish.source];
        let latest = source.latest();
        let record =
            |&(after, host, value): &(i64, usize, i64)| Record { time: latest + after, host: HOSTS[host], value };
        let records: Vec<Record> = publish.records.iter().map(record).collect();
        let says_nothing = records.is_empty() && publish.ending == Ending::Nothing;
        let request = Request {
            publisher: publish.publisher.map(|publisher| source.next(PUBLISHERS[publisher])),
            records: Some(records).filter(|records| !records.is_empty()),
            heartbeat: publish.heartbeat.or(says_nothing.then_some(0)).map(|after| latest + after),
            leave: publish.ending == Ending::Leave,
            done: publish.ending == Ending::Done,
            seal: publish.ending == Ending::Seal,
        };
        if let Some(publisher) = publish.publisher.filter(|_| request.records.is_some()) {
            self.last.insert((publish.source, publisher), request.clone());
        }
        request
    }

    fn send(&self, source: usize, request: &Request) -> Result<Answer, String> {
        send(self.node.http(), SOURCES[source], request)
    }

    /// Compares the answer to a request with the model's.
    fn publish(&mut self, source: usize, request: &Request, answer: &Answer) -> Result<(), String> {
        let expected = self.sources[source].publish(request);
        let found = answer.json();
        let outcome = match answer.status {
            200 => Outcome::Accepted {
                on_time: found["accepted"].as_u64().unwrap_or(u64::MAX),
                late: found["late"].as_u64().unwrap_or(u64::MAX),
                repeat: found["repeat"] == true,
            },
            _ if matches!(&expected, Outcome::Refused(code) if found["error"]["code"] == *code) => expected.clone(),
            _ => return Err(format!("expected {expected:?}, found {answer:?}")),
        };
        let frontier = self.sources[source].shown_frontier();
        if outcome != expected || answer.status == 200 && found["frontier"] != frontier {
            return Err(format!("expected {expected:?} and then the frontier {frontier}, found {answer:?}"));
        }
        Ok(())
    }

    fn subscribe(&mut self, expression: Expression, from: From, ordered: bool) -> Result<(), String> {
        if self.readers.len() >= READERS {
            return Ok(());
        }
        let stream = expression.stream(&self.sources);
        let latest = self.sources.iter().map(Source::latest).max().unwrap_or(0);
        let (next, told) = (stream.rows.len(), expression.is_told_by_frontiers());
        let (start, from) = match from {
            From::Earliest => (Start::At(0), "earliest".to_owned()),
            From::Latest if !told => (Start::Within { least: 0, next }, "latest".to_owned()),
            From::Latest => (Start::At(next), "latest".to_owned()),
            From::Newest if expression.is_source() => (Start::At(next), "newest".to_owned()),
            From::Newest => {
                let newest = stream.rows.iter().map(|row| row.time).max();
                let first = stream.rows.iter().position(|row| Some(row.time) == newest).unwrap_or(0);
                (Start::Within { least: if told { first } else { 0 }, next }, "newest".to_owned())
            }
            From::Back(back) => {
                let time = latest - back;
                (Start::Time(time), rfc3339(time))
            }
        };
        // Nothing says how far late records have got.
        let ordered = ordered && !matches!(expression, Expression::Late(_));
        self.open(expression, start, &from, ordered)
    }

    fn open(&mut self, expression: Expression, start: Start, from: &str, ordered: bool) -> Result<(), String> {
        let feed = self.feed(&expression, from, ordered)?;
        let from = if matches!(start, Start::At(0)) { "earliest" } else { from }.to_owned();
        self.readers.push(Reader { expression, start, from, ordered, got: Vec::new(), feed, cursor: None });
        Ok(())
    }
    /// A reader that begins where the cursor of its stream is.
    fn follow(&mut self, expression: Expression) -> Result<(), String> {
        let name = expression.name();
        let reads = |reader: &Reader| reader.cursor.is_some() && reader.expression.name() == name;
        if self.readers.len() >= READERS || self.readers.iter().any(reads) {
            return Ok(());
        }
        let mut parameters =
            vec![("expr", name.as_str()), ("cursor", name.as_str()), ("positions", "true"), ("format", "json")];
        if !self.cursors.contains_key(&name) {
            parameters.push(("from", "earliest"));
        }
        let opened =
            Feed::open(self.node.url(), &parameters).map_err(|error| format!("the cursor of `{name}`: {error}"))?;
        let feed = opened.map_err(|refusal| format!("the cursor of `{name}`: {refusal:?}"))?;
        let cursor = feed.header("dag-reader").and_then(|reader| reader.parse().ok());
        let start = Start::At(*self.cursors.entry(name).or_insert(0));
        self.readers.push(Reader {
            expression,
            start,
            from: String::new(),
            ordered: false,
            got: Vec::new(),
            feed,
            cursor,
        });
        Ok(())
    }

    /// One of the readers with a cursor has what it got.
    fn acknowledge(&mut self, choice: usize) -> Result<(), String> {
        let readers: Vec<&Reader> = self.readers.iter().filter(|reader| reader.cursor.is_some()).collect();
        let Some(reader) = choice.checked_rem(readers.len()).map(|at| readers[at]) else { return Ok(()) };
        let name = reader.expression.name();
        let stream = reader.expression.stream(&self.sources);
        let (Some((position, _)), Some(next)) = (reader.got.last(), reader.next(&stream)) else { return Ok(()) };
        let body = json!({"reader": reader.cursor, "after": text(*position)}).to_string();
        let path = format!("cursors/{}", encoded(&name));
        let answer = self.node.http().post(&path, &[], "application/json", body.as_bytes());
        if answer.status != 200 {
            return Err(format!("{reader} acknowledged {position:?}: {answer:?}"));
        }
        self.cursors.insert(name, next);
        Ok(())
    }

    fn feed(&self, expression: &Expression, from: &str, ordered: bool) -> Result<Feed, String> {
        let name = expression.name();
        let ordered = if ordered { "true" } else { "false" };
        let parameters =
            [("expr", name.as_str()), ("from", from), ("ordered", ordered), ("positions", "true"), ("format", "json")];
        let opened =
            Feed::open(self.node.url(), &parameters).map_err(|error| format!("`{name}` from {from}: {error}"))?;
        opened.map_err(|refusal| format!("`{name}` from {from}: {refusal:?}"))
    }

    /// Waits until a reader has all that it must have, and compares that.
    fn read(&mut self, at: usize) -> Result<(), String> {
        let stream = self.readers[at].expression.stream(&self.sources);
        let sealed = self.readers[at].expression.is_sealed(&self.sources);
        let reader = &mut self.readers[at];
        let start = Instant::now();
        loop {
            while let Some(line) = reader.feed.line(Duration::ZERO) {
                reader.take(&line)?;
            }
            let enough = reader.got.len() >= reader.due(&stream) && !sealed;
            if enough || reader.feed.end().is_some() || start.elapsed() >= PATIENCE {
                break;
            }
            if let Some(line) = reader.feed.line(PATIENCE.saturating_sub(start.elapsed())) {
                reader.take(&line)?;
            }
        }
        let due = reader.due(&stream);
        let reader = &self.readers[at];
        reader.check(&stream)?;
        if reader.got.len() < due {
            return Err(format!(
                "{reader}: waited in vain for {} more, end {:?}; got {:?}",
                due - reader.got.len(),
                reader.feed.end(),
                reader.got
            ));
        }
        match reader.feed.end() {
            None if !sealed => {}
            Some(End::Told(why)) if sealed && why == "sealed" => {}
            end => return Err(format!("{reader}: sealed: {sealed}, and it ended with {end:?}")),
        }
        self.name_positions(at)
    }

    /// Compares what a reader has got with what there is, whether it is all or not.
    fn compare(&self, reader: &Reader) -> Result<(), String> {
        reader.check(&reader.expression.stream(&self.sources))
    }

    fn name_positions(&mut self, at: usize) -> Result<(), String> {
        let reader = &self.readers[at];
        for (position, row) in &reader.got {
            let known = self.named.entry((reader.expression.name(), *position)).or_insert_with(|| row.clone());
            if !known.shows(row) {
                return Err(format!("{reader}: {position:?} was {known:?}, and is {row:?}"));
            }
        }
        Ok(())
    }

    /// Notes where a reader had got to, so that another one can go on from there.
    fn remember(&mut self, reader: &Reader) {
        let stream = reader.expression.stream(&self.sources);
        let last = reader.got.last().filter(|_| !reader.ordered);
        if let (Some((position, _)), Some(number)) = (last, reader.next(&stream)) {
            let next = Position { sequence: position.sequence + 1, ..*position };
            self.left.push((reader.expression.clone(), next, number));
        }
    }

    /// Waits until the node computes what the readers need, and nothing else.
    fn settle(&self) -> Result<(), String> {
        let mut wanted = Vec::new();
        self.readers.iter().for_each(|reader| reader.expression.computations(&self.sources, &mut wanted));
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        let start = Instant::now();
        loop {
            let status = self.node.status();
            let computations = status["computations"].as_array().cloned().unwrap_or_default();
            if let Some(failed) = computations.iter().find(|it| it["state"] == "failed") {
                return Err(format!("a computation failed: {failed}"));
            }
            let found: BTreeSet<String> =
                computations.iter().filter_map(|it| it["stream"].as_str()).map(str::to_owned).collect();
            if found == wanted {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("computed are {found:?}, wanted {wanted:?}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the node while it has a request, which is sent again afterwards if nobody knows what became of it.
    fn crash_during(&mut self, source: usize, request: &Request, after: Duration, power: bool) -> Result<(), String> {
        let (http, sent) = (self.node.http().clone(), request.clone());
        let sending = thread::spawn(move || send(&http, SOURCES[source], &sent));
        thread::sleep(after);
        crash(&mut self.node, power);
        let answered = sending.join().map_err(|_| "the client failed".to_owned())?;
        if let Ok(answer) = answered {
            return self.publish(source, request, &answer);
        }
        let counted = self.node.http().get(&format!("streams/{}", SOURCES[source]), &[]).json();
        let counted = counted["records"].as_u64().ok_or("a stream has a number of records")?;
        let before = self.sources[source].clone();
        let mut after = before.clone();
        after.publish(request);
        let records = |source: &Source| source.records.len() as u64;
        let (without, with) = (records(&before), records(&after));
        if counted != without && counted != with {
            return Err(format!("after the crash there are {counted} records, expected {without} or {with}"));
        }
        if request.publisher.is_some() {
            // Whatever came of it, sending it again leaves it done once.
            if counted == with && with > without {
                self.sources[source] = after;
            }
            let answer = self.send(source, request)?;
            return self.publish(source, request, &answer);
        }
        self.agree_on_frontier(source, before, after)
    }

    /// Takes over the one of two states that the node is in, by its frontier: an unnamed request leaves no other trace.
    fn agree_on_frontier(&mut self, source: usize, before: Source, after: Source) -> Result<(), String> {
        let shown = self.node.http().get(&format!("streams/{}", SOURCES[source]), &[]).json();
        let (frontier, records) = (&shown["frontier"], shown["records"].as_u64());
        let is = |state: &Source| records == Some(state.records.len() as u64) && *frontier == state.shown_frontier();
        self.sources[source] = match (is(&after), is(&before)) {
            (true, _) => after,
            (false, true) => before,
            (false, false) => return Err(format!("after the crash: {shown}, expected {before:?} or {after:?}")),
        };
        Ok(())
    }

    /// After a restart: what readers had got is compared, and they go on where they were.
    fn come_back(&mut self) -> Result<(), String> {
        for mut reader in std::mem::take(&mut self.readers) {
            reader.drain()?;
            self.compare(&reader)?;
            self.resume(reader)?;
        }
        Ok(())
    }

    /// Goes on after the last record that the reader got, or from the beginning, where it said which; else it stays away.
    fn resume(&mut self, mut reader: Reader) -> Result<(), String> {
        if reader.cursor.is_some() {
            return self.follow(reader.expression);
        }
        let leaves_out = matches!(reader.start, Start::Time(_)) && reader.expression.in_log_order();
        let last = reader.got.last().filter(|_| !reader.ordered && !leaves_out);
        let from = match (last, &reader.start) {
            (Some((position, _)), _) => text(Position { sequence: position.sequence + 1, ..*position }),
            (None, Start::At(0) | Start::Time(_)) => {
                reader.got.clear();
                reader.from.clone()
            }
            (None, _) => return Ok(()),
        };
        reader.feed = self.feed(&reader.expression, &from, reader.ordered)?;
        self.readers.push(reader);
        Ok(())
    }
}

fn send(http: &dag_tests::Http, source: &str, request: &Request) -> Result<Answer, String> {
    let mut parameters = vec![("history", "true".to_owned())];
    if let Some(by) = request.publisher {
        parameters.push(("publisher", by.name.to_owned()));
        parameters.push(("session", by.session.to_string()));
        if request.records.is_some() {
            parameters.push(("batch", by.batch.to_string()));
        }
    }
    parameters.extend(request.heartbeat.map(|time| ("heartbeat", rfc3339(time))));
    for (name, said) in [("leave", request.leave), ("done", request.done), ("seal", request.seal)] {
        if said {
            parameters.push((name, "true".to_owned()));
        }
    }
    let line =
        |record: &Record| json!({"time": record.time, "host": record.host, "value": record.value}).to_string() + "\n";
    let body: String = request.records.iter().flatten().map(line).collect();
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    http.try_publish(source, &parameters, &body)
}

/// Kills the node; with the power cut, what is not durable of `x` and of what is computed goes with it.
fn crash(node: &mut Node, power: bool) {
    if power { node.cut_power(&["sources/1", "derived"]) } else { node.crash() }
}

fn text(position: Position) -> String {
    format!("{}:{}", position.run, position.sequence)
}
