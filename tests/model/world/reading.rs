//! Readers: where they begin, what they get, and where they go on.

use std::time::{Duration, Instant};

use dag_tests::feed::{End, Feed, encoded};
use serde_json::json;

use super::{Bug, PATIENCE, World};
use crate::expression::Expression;
use crate::program::{self, From};
use crate::reader::{Position, Reader, Start, Stop};
use crate::source::{Source, rfc3339};

/// The most readers at once.
const READERS: usize = 8;

impl World {
    pub(super) fn subscribe(
        &mut self,
        expression: Expression,
        from: From,
        ordered: bool,
        stop: Option<program::Stop>,
    ) -> Result<(), String> {
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
        let stop = match stop {
            Some(program::Stop::Until(after)) => Some(Stop::Until(latest + after)),
            // Nothing says how many are left of what it may have.
            Some(program::Stop::Limit(limit)) if !matches!(start, Start::Within { .. }) => Some(Stop::Limit(limit)),
            _ => None,
        };
        self.open(expression, start, &from, ordered, stop)
    }

    pub(super) fn open(
        &mut self,
        expression: Expression,
        start: Start,
        from: &str,
        ordered: bool,
        stop: Option<Stop>,
    ) -> Result<(), String> {
        let feed = self.feed(&expression, from, ordered, stop)?;
        if self.bug == Some(Bug::InputsStay) {
            let mut inner = Vec::new();
            expression.inputs().iter().for_each(|input| input.computations(&self.sources, &mut inner));
            let opened = inner.iter().filter_map(|name| Feed::open(self.node.url(), &[("expr", name)]).ok());
            self.unknown.extend(opened.filter_map(Result::ok));
        }
        let from = if matches!(start, Start::At(0)) { "earliest" } else { from }.to_owned();
        self.readers.push(Reader { expression, start, from, ordered, stop, got: Vec::new(), feed, cursor: None });
        Ok(())
    }

    /// A reader that begins where one that left had got to.
    pub(super) fn go_on(&mut self, choice: usize) -> Result<(), String> {
        if self.left.is_empty() || self.readers.len() >= READERS {
            return Ok(());
        }
        let (expression, position, number) = self.left[choice % self.left.len()].clone();
        self.open(expression, Start::At(number), &text(position), false, None)
    }

    /// A reader that begins where the cursor of its stream is.
    pub(super) fn follow(&mut self, expression: Expression) -> Result<(), String> {
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
            stop: None,
            got: Vec::new(),
            feed,
            cursor,
        });
        Ok(())
    }

    /// One of the readers with a cursor has what it got.
    pub(super) fn acknowledge(&mut self, choice: usize) -> Result<(), String> {
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

    /// Moves a reader's cursor, which the model does not know.
    fn move_ahead(&self, reader: &Reader) {
        if let (Some(number), Some((position, _))) = (reader.cursor, reader.got.last()) {
            let body = json!({"reader": number, "after": text(*position)}).to_string();
            let path = format!("cursors/{}", encoded(&reader.expression.name()));
            self.node.http().post(&path, &[], "application/json", body.as_bytes());
        }
    }

    pub(super) fn feed(
        &self,
        expression: &Expression,
        from: &str,
        ordered: bool,
        stop: Option<Stop>,
    ) -> Result<Feed, String> {
        let name = expression.name();
        let ordered = if ordered { "true" } else { "false" };
        let stop = stop.map(|stop| match stop {
            Stop::Until(time) => ("until", rfc3339(time)),
            Stop::Limit(limit) => ("limit", limit.to_string()),
        });
        let mut parameters = vec![
            ("expr", name.as_str()),
            ("from", from),
            ("ordered", ordered),
            ("positions", "true"),
            ("format", "json"),
        ];
        parameters.extend(stop.iter().map(|(parameter, value)| (*parameter, value.as_str())));
        let opened =
            Feed::open(self.node.url(), &parameters).map_err(|error| format!("`{name}` from {from}: {error}"))?;
        opened.map_err(|refusal| format!("`{name}` from {from}: {refusal:?}"))
    }

    /// Waits until a reader has all that it must have, and compares that.
    pub(super) fn read(&mut self, at: usize) -> Result<(), String> {
        let stream = self.readers[at].expression.stream(&self.sources);
        let reader = &mut self.readers[at];
        let mut moved = Instant::now();
        loop {
            while let Some(line) = reader.feed.line(Duration::ZERO) {
                reader.take(&line)?;
                moved = Instant::now();
            }
            let enough = reader.got.len() >= reader.due(&stream) && reader.ends(&stream).is_empty();
            if enough || reader.feed.end().is_some() || moved.elapsed() >= PATIENCE {
                break;
            }
            if let Some(line) = reader.feed.line(PATIENCE.saturating_sub(moved.elapsed())) {
                reader.take(&line)?;
                moved = Instant::now();
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
        let ends = reader.ends(&stream);
        match reader.feed.end() {
            None if ends.is_empty() => {}
            Some(End::Told(why)) if ends.contains(&why.as_str()) => {}
            end => return Err(format!("{reader}: it ended with {end:?}, expected one of {ends:?}")),
        }
        if self.bug == Some(Bug::CursorAhead) {
            self.move_ahead(reader);
        }
        self.seen.add(&self.readers[at], &self.components)
    }

    /// Compares what a reader has got with what there is, whether it is all or not, and with what others got.
    pub(super) fn compare(&mut self, reader: &Reader) -> Result<(), String> {
        reader.check(&reader.expression.stream(&self.sources))?;
        self.seen.add(reader, &self.components)
    }

    /// Notes where a reader had got to, so that another one can go on from there.
    pub(super) fn remember(&mut self, reader: &Reader) {
        let stream = reader.expression.stream(&self.sources);
        let last = reader.got.last().filter(|_| !reader.ordered);
        if let (Some((position, _)), Some(number)) = (last, reader.next(&stream)) {
            let next = Position { sequence: position.sequence + 1, ..*position };
            self.left.push((reader.expression.clone(), next, number));
        }
    }
}

pub(super) fn text(position: Position) -> String {
    format!("{}:{}", position.run, position.sequence)
}
