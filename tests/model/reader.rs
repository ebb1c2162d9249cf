//! A reader: what it asked for, what it has got, and what it must have got.

use dag_tests::feed::{End, Feed};
use dag_tests::records::seconds;
use serde_json::Value;

use crate::expression::Expression;
use crate::source::{SEALED, SECOND};
use crate::stream::{Cell, Row, Stream};

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub run: u64,
    pub sequence: u64,
}

impl Position {
    /// The position in a text: `3:1201`.
    pub fn parse(text: &str) -> Option<Position> {
        let (run, sequence) = text.split_once(':')?;
        Some(Position { run: run.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

/// Where a reader begins in all the records of its stream.
#[derive(Clone, Debug)]
pub enum Start {
    /// With the record of this number.
    At(usize),
    /// With the first record at this time or later, in seconds; earlier ones among the rest are left out.
    Time(i64),
    /// With one of these, by how far the stream has been computed.
    Within { least: usize, next: usize },
}

/// Where a reader ends by itself.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Before this time, in seconds.
    Until(i64),
    /// After so many records.
    Limit(usize),
}

/// A reader.
#[derive(Debug)]
pub struct Reader {
    pub expression: Expression,
    pub start: Start,
    /// What it says to begin there.
    pub from: String,
    pub ordered: bool,
    pub stop: Option<Stop>,
    /// What it got, in order.
    pub got: Vec<(Position, Row)>,
    pub feed: Feed,
    /// Its number, where a cursor keeps its place.
    pub cursor: Option<u64>,
}

impl Reader {
    /// Takes in a line.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        let (position, row) =
            parse(line).ok_or_else(|| format!("`{}` gave a line that is no record: {line}", self.expression.name()))?;
        self.got.push((position, if self.expression.is_marked() { row.without_offset() } else { row }));
        Ok(())
    }

    /// How many records it must have by now.
    pub fn due(&self, stream: &Stream) -> usize {
        self.possible(stream).iter().map(Vec::len).min().unwrap_or(0)
    }

    /// Compares what it got with what the stream has.
    pub fn check(&self, stream: &Stream) -> Result<(), String> {
        if self.possible(stream).is_empty() {
            let expected = self.rows(stream, self.starts().next().expect("a reader starts somewhere"));
            let same = self.got.iter().zip(&expected).take_while(|((_, got), (_, row))| got.shows(row)).count();
            let expected: Vec<_> = expected.into_iter().map(|(_, row)| row).collect();
            return Err(format!(
                "{self}: what it got differs at {same}\n  got {:?}\n  expected {expected:?}",
                self.got
            ));
        }
        self.check_positions(stream)
    }

    /// Positions go on without a gap, and those of a source's records are what the log gave them.
    fn check_positions(&self, stream: &Stream) -> Result<(), String> {
        if self.ordered {
            return Ok(());
        }
        let in_time = matches!(self.start, Start::Time(_)) || matches!(self.stop, Some(Stop::Until(_)));
        let leaves_out = in_time && self.expression.in_log_order();
        for pair in self.got.windows(2) {
            let (before, after) = (pair[0].0, pair[1].0);
            let follows = match before.run == after.run {
                true if leaves_out || self.expression.is_source() => after.sequence > before.sequence,
                true => after.sequence == before.sequence + 1,
                false => true,
            };
            if !follows {
                return Err(format!("{self}: position {after:?} came after {before:?}"));
            }
        }
        if self.expression.is_source() {
            let all: Vec<u64> = stream.rows.iter().filter_map(|row| row.sequence).collect();
            let first = self.got.first().map_or(0, |(position, _)| position.sequence);
            let numbers = all.iter().skip_while(|sequence| **sequence < first);
            let wrong = self
                .got
                .iter()
                .zip(numbers)
                .find(|((position, _), number)| !leaves_out && position.sequence != **number);
            if let Some(((position, _), number)) = wrong {
                return Err(format!("{self}: a record has position {position:?}, and the log gave it {number}"));
            }
        }
        Ok(())
    }

    /// The number, in the stream, of the record after the last one that it got; none where that can't be told.
    pub fn next(&self, stream: &Stream) -> Option<usize> {
        match self.possible(stream).as_slice() {
            [rows] => Some(rows.get(self.got.len().checked_sub(1)?)?.0 + 1),
            _ => None,
        }
    }

    fn starts(&self) -> std::ops::RangeInclusive<usize> {
        match self.start {
            Start::At(at) => at..=at,
            Start::Time(_) => 0..=0,
            Start::Within { least, next } => least..=next,
        }
    }

    /// What it sees, with each record's number in the stream: for each place where it may have started, if it begins with what it got.
    fn possible(&self, stream: &Stream) -> Vec<Vec<(usize, Row)>> {
        let begins = |rows: &Vec<(usize, Row)>| {
            self.got.len() <= rows.len() && self.got.iter().zip(rows).all(|((_, got), (_, row))| got.shows(row))
        };
        self.starts().map(|start| self.rows(stream, start)).filter(begins).collect()
    }

    fn rows(&self, stream: &Stream, start: usize) -> Vec<(usize, Row)> {
        let mut rows: Vec<(usize, Row)> = stream.rows.iter().cloned().enumerate().skip(start).collect();
        if let Start::Time(time) = self.start {
            rows.retain(|(_, row)| row.time >= time);
        }
        if self.ordered {
            rows.retain(|(_, row)| stream.has_passed(row.time));
            rows.sort_by_key(|(_, row)| row.time);
        }
        match self.stop {
            Some(Stop::Until(until)) => rows.retain(|(_, row)| row.time < until),
            Some(Stop::Limit(limit)) => rows.truncate(limit),
            None => {}
        }
        rows
    }

    /// How it may end by now, with all that it must have; not at all if that is empty.
    pub fn ends(&self, stream: &Stream) -> Vec<&'static str> {
        let sealed = stream.frontier == SEALED;
        match self.stop {
            Some(Stop::Limit(limit)) if self.due(stream) == limit => vec!["limit"],
            Some(Stop::Until(_)) if sealed => vec!["until", "sealed"],
            Some(Stop::Until(until)) if until * SECOND <= stream.frontier => vec!["until"],
            _ if sealed => vec!["sealed"],
            _ => Vec::new(),
        }
    }

    /// Whether it has got to its own end.
    pub fn has_stopped(&self) -> bool {
        let told = matches!(self.feed.end(), Some(End::Told(why)) if why == "until" || why == "limit");
        told || matches!(self.stop, Some(Stop::Limit(limit)) if limit == self.got.len())
    }

    /// Where it ends if it goes on after what it has got.
    pub fn rest(&self) -> Option<Stop> {
        match self.stop {
            Some(Stop::Limit(limit)) => Some(Stop::Limit(limit - self.got.len())),
            stop => stop,
        }
    }

    /// Reads what its connection holds until that ends; none if it ended in another way than a node's going.
    pub fn drain(&mut self) -> Result<(), String> {
        while let Some(line) = self.feed.line(dag_tests::DEADLINE) {
            self.take(&line)?;
        }
        match self.feed.end() {
            Some(End::Broken) => Ok(()),
            Some(End::Told(why)) if ["stopping", "sealed", "until", "limit"].contains(&why.as_str()) => Ok(()),
            other => Err(format!("{self}: the node went, and its subscription ended with {other:?}")),
        }
    }
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = if self.ordered { ", ordered" } else { "" };
        write!(f, "the reader of `{}` from {:?}{order}", self.expression.name(), self.start)
    }
}

fn parse(line: &str) -> Option<(Position, Row)> {
    let Value::Object(columns) = serde_json::from_str(line).ok()? else { return None };
    let position = Position::parse(columns.get("position")?.as_str()?)?;
    let time = seconds(columns.get("time")?.as_str()?)?;
    let others = columns.iter().filter(|(name, _)| !matches!(name.as_str(), "time" | "position"));
    let mut cells: Vec<(&String, Cell)> =
        others.map(|(name, value)| Some((name, cell(value)?))).collect::<Option<_>>()?;
    cells.sort_by_key(|(name, _)| *name);
    Some((position, Row { time, cells: cells.into_iter().map(|(_, cell)| cell).collect(), sequence: None, offset: 0 }))
}

fn cell(value: &Value) -> Option<Cell> {
    match value {
        Value::Number(number) => number.as_f64().map(Cell::Number),
        Value::String(text) => Some(seconds(text).map_or_else(|| Cell::Text(text.clone()), Cell::Time)),
        _ => None,
    }
}
