//! Expressions: which streams there are, and what they mean.

use crate::component::Kit;
use crate::source::Source;
use crate::stream::{Cell, Fold, Row, Stream, join, of_source, running, sessions, union, unnumbered, value, windows};

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
    /// How many there are, over windows of so many seconds or until each record.
    Tally(Box<Expression>, Option<i64>),
    /// How many there are until each record.
    Steps(Box<Expression>),
    /// The value alone.
    Mark(Box<Expression>),
}

/// The names of the sources.
pub const SOURCES: [&str; 2] = ["x", "y"];

/// The streams that programs read.
pub fn expressions() -> Vec<Expression> {
    use Expression::{Delta, Join, Late, Mark, Positive, Running, Session, Steps, Tally, Twice, Union};
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
        Tally(x(), Some(10)),
        Tally(y(), None),
        Tally(Box::new(window(Fold::Sum, y(), 5)), Some(20)),
        window(Fold::Sum, Box::new(Tally(x(), Some(5))), 20),
        Steps(x()),
        Mark(y()),
        Steps(Box::new(Mark(x()))),
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
            Expression::Tally(input, None) => format!("tally({})", input.name()),
            Expression::Tally(input, Some(size)) => format!("tally({},{size}s)", input.name()),
            Expression::Steps(input) => format!("steps({})", input.name()),
            Expression::Mark(input) => format!("mark({})", input.name()),
        }
    }

    pub fn inputs(&self) -> Vec<&Expression> {
        match self {
            Expression::Source(_) | Expression::Late(_) => Vec::new(),
            Expression::Positive(input)
            | Expression::Twice(input)
            | Expression::Delta(input)
            | Expression::Window { input, .. }
            | Expression::Session { input, .. }
            | Expression::Running { input, .. }
            | Expression::Tally(input, _)
            | Expression::Steps(input)
            | Expression::Mark(input) => vec![input],
            Expression::Union(a, b) | Expression::Join(a, b, _) => vec![a, b],
        }
    }

    /// Whether a source is read itself, and no computation is needed.
    pub fn is_source(&self) -> bool {
        self.inputs().is_empty()
    }

    /// The component that makes it, of those that are deployed in several versions.
    pub fn component(&self) -> Option<Kit> {
        match self {
            Expression::Tally(..) => Some(Kit::Count),
            Expression::Steps(_) | Expression::Mark(_) => Some(Kit::Walk),
            _ => None,
        }
    }

    /// Whether its values are greater than they should be, by the offsets of the versions that made them.
    pub fn is_marked(&self) -> bool {
        self.component().is_some() || self.inputs().into_iter().any(Expression::is_marked)
    }

    /// Whether records come as the log of the one source has them, and not in the order of time.
    pub fn in_log_order(&self) -> bool {
        match self {
            Expression::Source(_) | Expression::Late(_) => true,
            Expression::Positive(input) | Expression::Twice(input) | Expression::Mark(input) => input.in_log_order(),
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
            Expression::Tally(input, Some(size)) => windows(Fold::Count, &input.stream(sources), *size, *size, false),
            Expression::Tally(input, None) | Expression::Steps(input) => running(Fold::Count, &input.stream(sources)),
            Expression::Mark(input) => {
                let mut stream = unnumbered(input.stream(sources));
                stream.rows.iter_mut().for_each(|row| row.cells = vec![Cell::Number(value(row))]);
                stream
            }
            Expression::Union(a, b) => union(&a.stream(sources), &b.stream(sources)),
            Expression::Join(a, b, within) => join(&a.stream(sources), &b.stream(sources), *within),
            Expression::Delta(input) => {
                let stream = input.stream(sources);
                let rows = stream.in_time_order();
                let change = |pair: &[Row]| Row {
                    time: pair[1].time,
                    cells: vec![Cell::Number(value(&pair[1]) - value(&pair[0]))],
                    sequence: None,
                    offset: 0,
                };
                Stream { rows: rows.windows(2).map(change).collect(), frontier: stream.frontier }
            }
        }
    }
}
