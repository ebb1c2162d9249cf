//! Expressions and what they mean, computed in the plainest way from all that their sources hold.

use std::collections::BTreeMap;

use crate::source::{SEALED, SECOND, START, Source};

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
}

/// All records of a stream so far.
#[derive(Clone, Debug)]
pub struct Stream {
    /// In the stream's order.
    pub rows: Vec<Row>,
    /// In nanoseconds, or [`START`] or [`SEALED`].
    pub frontier: i64,
}

/// A stream's name. Sources have the columns `host` and `value`.
#[derive(Clone, Debug)]
pub enum Expression {
    Source(usize),
    Late(usize),
    /// Values greater than zero.
    Positive(Box<Expression>),
    /// Twice the value.
    Twice(Box<Expression>),
    /// An aggregate over windows of `size` seconds, one each `every` seconds.
    Window {
        fold: Fold,
        input: Box<Expression>,
        size: i64,
        every: i64,
        by_host: bool,
    },
    /// An aggregate by host over sessions with a gap of so many seconds.
    Session {
        fold: Fold,
        input: Box<Expression>,
        gap: i64,
    },
    /// An aggregate over all until each record.
    Running {
        fold: Fold,
        input: Box<Expression>,
    },
    Union(Box<Expression>, Box<Expression>),
    /// Pairs of one host, at most so many seconds apart.
    Join(Box<Expression>, Box<Expression>, i64),
    Delta(Box<Expression>),
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
    fn name(self) -> &'static str {
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

/// The names of the sources.
pub const SOURCES: [&str; 2] = ["x", "y"];

/// The streams that programs read.
pub fn expressions() -> Vec<Expression> {
    use Expression::{Delta, Join, Late, Positive, Running, Session, Twice, Union};
    let x = || Box::new(Expression::Source(0));
    let y = || Box::new(Expression::Source(1));
    let window = |fold, input, size| Expression::Window { fold, input, size, every: size, by_host: false };
    let by_host = |fold, input, size, every| Expression::Window { fold, input, size, every, by_host: true };
    vec![
        *x(),
        *y(),
        Late(0),
        Positive(x()),
        Twice(y()),
        window(Fold::Sum, x(), 10),
        by_host(Fold::Count, x(), 10, 5),
        window(Fold::Avg, Box::new(Positive(x())), 10),
        window(Fold::Max, Box::new(window(Fold::Sum, x(), 5)), 20),
        by_host(Fold::Max, Box::new(by_host(Fold::Count, y(), 5, 5)), 20, 20),
        Session { fold: Fold::Count, input: y(), gap: 3 },
        window(Fold::Sum, Box::new(Session { fold: Fold::Count, input: x(), gap: 2 }), 20),
        Running { fold: Fold::Sum, input: y() },
        Union(x(), y()),
        window(Fold::Count, Box::new(Union(x(), Box::new(Twice(y())))), 10),
        Positive(Box::new(Union(x(), Box::new(Twice(y()))))),
        Join(x(), y(), 2),
        Delta(Box::new(window(Fold::Max, y(), 5))),
    ]
}

impl Expression {
    /// Its canonical form.
    pub fn name(&self) -> String {
        match self {
            Expression::Source(source) => SOURCES[*source].to_owned(),
            Expression::Late(source) => format!("late({})", SOURCES[*source]),
            Expression::Positive(input) => format!("filter({},value>0)", input.name()),
            Expression::Twice(input) => format!("map({},host,value*2 as value)", input.name()),
            Expression::Window { fold, input, size, every, by_host } => {
                let every = if every == size { String::new() } else { format!(",every={every}s") };
                let by = if *by_host { ",by=host" } else { "" };
                format!("{}({},{size}s{every}{by})", fold.name(), input.name())
            }
            Expression::Session { fold, input, gap } => {
                format!("{}({},session={gap}s,by=host)", fold.name(), input.name())
            }
            Expression::Running { fold, input } => format!("{}({})", fold.name(), input.name()),
            Expression::Union(a, b) => format!("union({},{})", a.name(), b.name()),
            Expression::Join(a, b, within) => {
                format!("join({} as a,{} as b,on=host,within={within}s)", a.name(), b.name())
            }
            Expression::Delta(input) => format!("delta({})", input.name()),
        }
    }

    fn inputs(&self) -> Vec<&Expression> {
        match self {
            Expression::Source(_) | Expression::Late(_) => Vec::new(),
            Expression::Positive(input) | Expression::Twice(input) | Expression::Delta(input) => vec![input],
            Expression::Window { input, .. }
            | Expression::Session { input, .. }
            | Expression::Running { input, .. } => {
                vec![input]
            }
            Expression::Union(a, b) | Expression::Join(a, b, _) => vec![a, b],
        }
    }

    /// Whether a source is read itself, and no computation is needed.
    pub fn is_source(&self) -> bool {
        self.inputs().is_empty()
    }

    /// Whether records come as the log of the one source has them, and not in the order of time.
    pub fn in_log_order(&self) -> bool {
        match self {
            Expression::Source(_) | Expression::Late(_) => true,
            Expression::Positive(input) | Expression::Twice(input) => input.in_log_order(),
            _ => false,
        }
    }

    /// Whether the frontiers of its sources alone tell which of its records are there: not where it is computed record by record, nor
    /// where a session that is open may end earlier than the gap allows.
    pub fn is_told_by_frontiers(&self) -> bool {
        match self {
            Expression::Window { input, .. } => !matches!(**input, Expression::Session { .. }),
            _ => self.is_source() || !self.in_log_order(),
        }
    }

    /// Whether no more than the end of its sources can end it.
    pub fn is_sealed(&self, sources: &[Source]) -> bool {
        match self {
            Expression::Source(source) | Expression::Late(source) => sources[*source].is_sealed(),
            _ => self.inputs().iter().all(|input| input.is_sealed(sources)),
        }
    }

    /// The names of the computations that have to run for it.
    pub fn computations(&self, sources: &[Source], names: &mut Vec<String>) {
        if !self.is_source() && !self.is_sealed(sources) {
            names.push(self.name());
        }
        self.inputs().iter().for_each(|input| input.computations(sources, names));
    }

    /// All its records so far.
    pub fn stream(&self, sources: &[Source]) -> Stream {
        match self {
            Expression::Source(source) => of_source(&sources[*source], false),
            Expression::Late(source) => of_source(&sources[*source], true),
            Expression::Positive(input) => {
                let mut stream = unnumbered(input.stream(sources));
                stream.rows.retain(|row| value(row) > 0.0);
                stream
            }
            Expression::Twice(input) => {
                let mut stream = unnumbered(input.stream(sources));
                for row in &mut stream.rows {
                    let twice = Cell::Number(value(row) * 2.0);
                    *row.cells.last_mut().expect("a row has a value") = twice;
                }
                stream
            }
            Expression::Window { fold, input, size, every, by_host } => {
                windows(*fold, &input.stream(sources), *size, *every, *by_host)
            }
            Expression::Session { fold, input, gap } => sessions(*fold, &input.stream(sources), *gap),
            Expression::Running { fold, input } => running(*fold, &input.stream(sources)),
            Expression::Union(a, b) => union(&a.stream(sources), &b.stream(sources)),
            Expression::Join(a, b, within) => join(&a.stream(sources), &b.stream(sources), *within),
            Expression::Delta(input) => {
                let stream = input.stream(sources);
                let rows = stream.in_time_order();
                let change = |pair: &[Row]| Row {
                    time: pair[1].time,
                    cells: vec![Cell::Number(value(&pair[1]) - value(&pair[0]))],
                    sequence: None,
                };
                Stream { rows: rows.windows(2).map(change).collect(), frontier: stream.frontier }
            }
        }
    }
}

impl Row {
    /// Whether it says the same as another one.
    pub fn shows(&self, other: &Row) -> bool {
        self.time == other.time && self.cells == other.cells
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

fn of_source(source: &Source, late: bool) -> Stream {
    let records = source.records.iter().zip(0..).filter(|((_, is_late), _)| *is_late == late);
    let row = |((record, _), sequence): (&(crate::source::Record, bool), u64)| Row {
        time: record.time,
        cells: vec![Cell::Text(record.host.to_owned()), Cell::Number(record.value as f64)],
        sequence: Some(sequence),
    };
    // Late records say nothing about what follows them.
    let frontier = if late && !source.is_sealed() { START } else { source.frontier };
    Stream { rows: records.map(row).collect(), frontier }
}

/// A derived stream numbers its records itself.
fn unnumbered(mut stream: Stream) -> Stream {
    stream.rows.iter_mut().for_each(|row| row.sequence = None);
    stream
}

fn value(row: &Row) -> f64 {
    let number = |cell: &Cell| if let Cell::Number(value) = cell { Some(*value) } else { None };
    row.cells.iter().find_map(number).expect("the stream has values")
}

fn host(row: &Row) -> String {
    let text = |cell: &Cell| if let Cell::Text(host) = cell { Some(host.clone()) } else { None };
    row.cells.iter().find_map(text).expect("the stream has hosts")
}

fn windows(fold: Fold, input: &Stream, size: i64, every: i64, by_host: bool) -> Stream {
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
    };
    let frontier = match input.frontier {
        START | SEALED => input.frontier,
        at => ((at - size * SECOND).div_euclid(every * SECOND) + 1) * every * SECOND,
    };
    Stream { rows: closed.map(result).collect(), frontier }
}

fn sessions(fold: Fold, input: &Stream, gap: i64) -> Stream {
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
        rows.push(Row { time: last, cells, sequence: None });
    }
    rows.sort_by_key(|row| (row.time, host(row)));
    Stream { rows, frontier }
}

fn running(fold: Fold, input: &Stream) -> Stream {
    let mut values = Vec::new();
    let mut result = |row: Row| {
        values.push(value(&row));
        Row { time: row.time, cells: vec![fold.of(&values)], sequence: None }
    };
    Stream { rows: input.in_time_order().into_iter().map(&mut result).collect(), frontier: input.frontier }
}

fn union(a: &Stream, b: &Stream) -> Stream {
    let rows = a.rows.iter().chain(&b.rows).cloned().collect();
    let both = unnumbered(Stream { rows, frontier: a.frontier.min(b.frontier) });
    Stream { rows: both.in_time_order(), frontier: both.frontier }
}

fn join(a: &Stream, b: &Stream, within: i64) -> Stream {
    let frontier = a.frontier.min(b.frontier);
    let side = |stream: &Stream| Stream { rows: stream.rows.clone(), frontier }.in_time_order();
    let (left, right) = (side(a), side(b));
    let mut rows = Vec::new();
    for l in &left {
        for r in right.iter().filter(|r| host(r) == host(l) && (r.time - l.time).abs() <= within) {
            let cells = vec![Cell::Number(value(l)), Cell::Number(value(r)), Cell::Text(host(l))];
            rows.push(Row { time: l.time.max(r.time), cells, sequence: None });
        }
    }
    // Of one time: by left, then by right, which is how they were found.
    rows.sort_by_key(|row| row.time);
    Stream { rows, frontier }
}
