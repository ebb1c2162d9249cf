//! Records of streams, and what follows from them, computed in the plainest way.

use std::collections::BTreeMap;

use crate::source::{SEALED, SECOND, START, Source};

/// All offsets are multiples of this, and values far less.
const OFFSET: f64 = 1_000_000.0;

/// A column's value. All numbers are small enough for a float to hold them exactly.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Cell {
    Text(String),
    Number(f64),
    /// In seconds.
    Time(i64),
}

/// A record of a stream.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Row {
    /// In seconds.
    pub time: i64,
    /// Its other columns, by their names.
    pub cells: Vec<Cell>,
    /// Of a source's record: its number in the log.
    pub sequence: Option<u64>,
    /// What the version of a component that made it has added to its value.
    pub offset: i64,
}

/// All records of a stream so far.
#[derive(Clone, Debug)]
pub struct Stream {
    /// In the stream's order.
    pub rows: Vec<Row>,
    /// In nanoseconds, or [`START`] or [`SEALED`].
    pub frontier: i64,
}

/// An aggregate.
#[derive(Clone, Copy, Debug)]
pub enum Fold {
    Count,
    Sum,
    Avg,
    Max,
}

impl Fold {
    pub fn name(self) -> &'static str {
        match self {
            Fold::Count => "count",
            Fold::Sum => "sum",
            Fold::Avg => "avg",
            Fold::Max => "max",
        }
    }

    fn of(self, values: &[f64]) -> Cell {
        let sum: f64 = values.iter().sum();
        Cell::Number(match self {
            Fold::Count => values.len() as f64,
            Fold::Sum => sum,
            Fold::Avg => sum / values.len() as f64,
            Fold::Max => values.iter().copied().fold(f64::MIN, f64::max),
        })
    }
}

impl Row {
    /// Whether it says the same as another one.
    pub fn shows(&self, other: &Row) -> bool {
        self.time == other.time && self.cells == other.cells
    }

    /// The same with its offset apart from its value.
    pub fn without_offset(mut self) -> Row {
        if let Some(Cell::Number(value)) = self.cells.last_mut() {
            let offset = (*value / OFFSET).round() * OFFSET;
            (*value, self.offset) = (*value - offset, offset as i64);
        }
        self
    }
}

impl Stream {
    /// Whether no record as early as this will follow, in seconds.
    pub fn has_passed(&self, time: i64) -> bool {
        self.frontier == SEALED || time * SECOND < self.frontier
    }

    /// The records that the frontier has passed, by time, and at one time as they came.
    pub fn in_time_order(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.iter().filter(|row| self.has_passed(row.time)).cloned().collect();
        rows.sort_by_key(|row| row.time);
        rows
    }
}

pub fn of_source(source: &Source, late: bool) -> Stream {
    let records = source.records.iter().zip(0..).filter(|((_, is_late), _)| *is_late == late);
    let row = |((record, _), sequence): (&(crate::source::Record, bool), u64)| Row {
        time: record.time,
        cells: vec![Cell::Text(record.host.to_owned()), Cell::Number(record.value as f64)],
        sequence: Some(sequence),
        offset: 0,
    };
    // Late records say nothing about what follows them.
    let frontier = if late && !source.is_sealed() { START } else { source.frontier };
    Stream { rows: records.map(row).collect(), frontier }
}

/// A derived stream numbers its records itself.
pub fn unnumbered(mut stream: Stream) -> Stream {
    stream.rows.iter_mut().for_each(|row| row.sequence = None);
    stream
}

pub fn value(row: &Row) -> f64 {
    let number = |cell: &Cell| if let Cell::Number(value) = cell { Some(*value) } else { None };
    row.cells.iter().find_map(number).expect("the stream has values")
}

fn host(row: &Row) -> String {
    let text = |cell: &Cell| if let Cell::Text(host) = cell { Some(host.clone()) } else { None };
    row.cells.iter().find_map(text).expect("the stream has hosts")
}

pub fn windows(fold: Fold, input: &Stream, size: i64, every: i64, by_host: bool) -> Stream {
    let mut open: BTreeMap<(i64, Option<String>), Vec<f64>> = BTreeMap::new();
    for row in &input.rows {
        let mut start = row.time.div_euclid(every) * every;
        while start + size > row.time {
            open.entry((start, by_host.then(|| host(row)))).or_default().push(value(row));
            start -= every;
        }
    }
    let closed = open.into_iter().filter(|((start, _), _)| (start + size) * SECOND <= input.frontier);
    let result = |((time, host), values): ((i64, Option<String>), Vec<f64>)| Row {
        time,
        cells: host.map(Cell::Text).into_iter().chain([fold.of(&values)]).collect(),
        sequence: None,
        offset: 0,
    };
    let frontier = match input.frontier {
        START | SEALED => input.frontier,
        at => ((at - size * SECOND).div_euclid(every * SECOND) + 1) * every * SECOND,
    };
    Stream { rows: closed.map(result).collect(), frontier }
}

pub fn sessions(fold: Fold, input: &Stream, gap: i64) -> Stream {
    let mut by_host: BTreeMap<String, Vec<Vec<Row>>> = BTreeMap::new();
    for row in input.in_time_order() {
        let sessions = by_host.entry(host(&row)).or_default();
        match sessions.last_mut() {
            Some(session) if row.time - session[session.len() - 1].time <= gap => session.push(row),
            _ => sessions.push(vec![row]),
        }
    }
    let (mut rows, mut frontier) = (Vec::new(), input.frontier);
    for (host, session) in by_host.into_iter().flat_map(|(host, all)| all.into_iter().map(move |it| (host.clone(), it)))
    {
        let (start, last) = (session[0].time, session[session.len() - 1].time);
        if input.frontier != SEALED && (last + gap) * SECOND >= input.frontier {
            frontier = frontier.min(last * SECOND);
            continue;
        }
        let values: Vec<f64> = session.iter().map(value).collect();
        let cells = vec![Cell::Time(last), Cell::Text(host), Cell::Time(start), fold.of(&values)];
        rows.push(Row { time: last, cells, sequence: None, offset: 0 });
    }
    rows.sort_by_key(|row| (row.time, host(row)));
    Stream { rows, frontier }
}

pub fn running(fold: Fold, input: &Stream) -> Stream {
    let mut values = Vec::new();
    let mut result = |row: Row| {
        values.push(value(&row));
        Row { time: row.time, cells: vec![fold.of(&values)], sequence: None, offset: 0 }
    };
    Stream { rows: input.in_time_order().into_iter().map(&mut result).collect(), frontier: input.frontier }
}

pub fn union(a: &Stream, b: &Stream) -> Stream {
    let rows = a.rows.iter().chain(&b.rows).cloned().collect();
    let both = unnumbered(Stream { rows, frontier: a.frontier.min(b.frontier) });
    Stream { rows: both.in_time_order(), frontier: both.frontier }
}

pub fn join(a: &Stream, b: &Stream, within: i64) -> Stream {
    let frontier = a.frontier.min(b.frontier);
    let side = |stream: &Stream| Stream { rows: stream.rows.clone(), frontier }.in_time_order();
    let (left, right) = (side(a), side(b));
    let mut rows = Vec::new();
    for l in &left {
        for r in right.iter().filter(|r| host(r) == host(l) && (r.time - l.time).abs() <= within) {
            let cells = vec![Cell::Number(value(l)), Cell::Number(value(r)), Cell::Text(host(l))];
            rows.push(Row { time: l.time.max(r.time), cells, sequence: None, offset: 0 });
        }
    }
    // Of one time: by left, then by right, which is how they were found.
    rows.sort_by_key(|row| row.time);
    Stream { rows, frontier }
}
