//! A cursor: the logs of a route, read one after the other as if they were one.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;
use dag_log::{Entry, Kind, Log, ReadError, Reader, Start, Watch};
use dag_model::{Frontier, IncarnationId, Position, Timestamp, times};

use crate::snapshot::Place;

/// Called when there may be more to read.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// A log to read, from a sequence on.
#[derive(Clone)]
pub struct Leg {
    /// The log.
    pub log: Log,
    /// The incarnation that its positions carry; none for a source, whose positions carry the epochs of its entries.
    pub incarnation: Option<IncarnationId>,
    /// The first record wanted.
    pub sequence: u64,
}

impl Leg {
    /// The position of the first record wanted.
    pub fn position(&self) -> Position {
        let run = self.incarnation.map_or_else(|| self.log.epoch_at(self.sequence), |incarnation| incarnation.0);
        Position { run, sequence: self.sequence }
    }
}

/// Which records to read, and from where.
#[derive(Clone)]
pub struct Input {
    /// The logs, one after the other. Each but the last ends.
    pub legs: Vec<Leg>,
    /// Earlier records are dropped.
    pub from: Timestamp,
    /// The late records are meant, instead of those on time.
    pub late: bool,
    /// In the last log: the first record that is no longer wanted.
    pub until: Option<u64>,
    /// Records that are skipped: their leg, and their sequence there.
    pub skipped: Vec<(usize, u64)>,
}

/// What comes next.
#[allow(clippy::large_enum_variant, reason = "one is made for each entry, and taken apart at once")]
pub enum Step {
    /// Records, or a frontier that has moved.
    Piece(Piece),
    /// Nothing yet; the cursor's `notify` will be called.
    Wait,
    /// Nothing will follow.
    End,
}

/// An entry of a log. Its records are loaded when asked for.
pub struct Piece {
    log: Log,
    entry: Entry,
    leg: usize,
    run: u64,
    skipped: Vec<u64>,
    skip: u64,
    until: Option<u64>,
    from: Timestamp,
    late: bool,
    columns: Option<Arc<[usize]>>,
    /// The frontier after it.
    pub frontier: Frontier,
    /// The revision that a mark names. A log that another follows has none.
    pub mark: Option<u64>,
}

/// Records and where they are.
pub struct Loaded {
    /// The records.
    pub batch: RecordBatch,
    /// The run of their positions.
    pub run: u64,
    /// The sequence of each.
    pub sequences: Sequences,
}

/// The sequences of the rows of a batch.
pub enum Sequences {
    /// Row `i` has this plus `i`.
    From(u64),
    /// Listed.
    List(Vec<u64>),
}

impl Sequences {
    /// The sequence of a row.
    pub fn get(&self, row: usize) -> u64 {
        match self {
            Sequences::From(first) => first + row as u64,
            Sequences::List(list) => list[row],
        }
    }
}

/// How far a log gets that is at its end.
const LAST: Frontier = Frontier::At(Timestamp::MAX);

/// Reads the logs of an [`Input`] forward.
pub struct Cursor {
    legs: VecDeque<Leg>,
    /// The number of the first of these legs.
    leg: usize,
    reader: Option<Reader>,
    /// Registered with the log of the first leg.
    watch: Option<Watch>,
    notify: Notify,
    frontier: Frontier,
    input: Input,
    /// The places of the columns to load; none for all.
    columns: Option<Arc<[usize]>>,
    /// Whether it begins with the marks before its first record.
    marks: bool,
    /// Whether it steps only to entries whose records are here.
    fetching: bool,
}

impl Cursor {
    /// A cursor at the beginning of `input`. `notify` is called whenever there may be more after a [`Step::Wait`].
    pub fn new(input: Input, notify: Notify) -> Cursor {
        let legs = input.legs.iter().cloned().collect();
        let (frontier, columns) = (Frontier::START, None);
        let (marks, fetching) = (false, false);
        Cursor { legs, leg: 0, reader: None, watch: None, notify, frontier, input, columns, marks, fetching }
    }

    /// A cursor at a place in `input` where the frontier is known, and before the marks that are there.
    pub fn at(mut input: Input, place: Place, frontier: Frontier, notify: Notify) -> Cursor {
        input.from = input.from.max(place.from);
        let mut legs: VecDeque<Leg> = input.legs.iter().skip(place.leg).cloned().collect();
        if let Some(leg) = legs.front_mut() {
            leg.sequence = leg.sequence.max(place.sequence);
        }
        let (leg, columns) = (place.leg, None);
        let (marks, fetching) = (true, false);
        Cursor { legs, leg, reader: None, watch: None, notify, frontier, input, columns, marks, fetching }
    }

    /// The same, which waits with an entry until its records are here: loading them then waits for no other node.
    #[must_use]
    pub fn fetching(self) -> Cursor {
        Cursor { fetching: true, ..self }
    }

    /// The same, whose records have only these columns, by their places in a batch: the first is the time.
    #[must_use]
    pub fn of_columns(self, places: Option<&[usize]>) -> Cursor {
        Cursor { columns: places.map(Arc::from), ..self }
    }

    /// The place after what has been read.
    pub fn place(&self) -> Place {
        let read = self.reader.as_ref().map(Reader::sequence);
        let leg = self.legs.front().map_or(0, |leg| leg.sequence);
        Place { leg: self.leg, sequence: read.map_or(leg, |read| read.max(leg)), from: self.input.from }
    }

    /// The frontier after what has been read.
    pub fn frontier(&self) -> Frontier {
        self.frontier
    }

    /// Whether the next step, and loading what it gives, takes no file.
    pub fn is_at_hand(&self) -> bool {
        self.legs.is_empty() || self.reader.as_ref().is_some_and(Reader::is_at_hand)
    }

    /// What comes next.
    pub fn step(&mut self) -> Result<Step, ReadError> {
        loop {
            let Some(leg) = self.legs.front() else { return Ok(Step::End) };
            let last = self.legs.len() == 1;
            let until = self.input.until.filter(|_| last);
            // Registered first, so that nothing that becomes visible in between is missed.
            self.watch.get_or_insert_with(|| leg.log.on_visible(self.notify.clone()));
            let start = if self.marks { Start::Before(leg.sequence) } else { Start::Sequence(leg.sequence) };
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => match leg.log.reader(start) {
                    Ok(reader) => none.insert(reader),
                    // A crash took records that had been shown; they are being computed again.
                    Err(ReadError::PastEnd { .. }) if !leg.log.visible().ended => return Ok(Step::Wait),
                    Err(error) => return Err(error),
                },
            };
            if until.is_some_and(|until| reader.sequence() >= until) {
                self.legs.clear();
                self.reader = None;
                continue;
            }
            if self.fetching && !reader.fetch()? {
                return Ok(Step::Wait);
            }
            let Some(entry) = reader.next()? else {
                let frontier = reader.frontier().min(LAST);
                if !self.input.late && (last || frontier < LAST) {
                    self.frontier = self.frontier.max(frontier);
                }
                let visible = leg.log.visible();
                let complete = visible.ended || visible.frontier == Frontier::Empty;
                if complete && reader.sequence() >= visible.end {
                    self.next_leg();
                    continue;
                }
                return Ok(Step::Wait);
            };
            let ended = entry.kind == Kind::End || entry.frontier == Frontier::Empty;
            if ended && entry.count == 0 {
                self.next_leg();
                continue;
            }
            self.frontier = self.frontier.max(self.frontier_at(&entry, last));
            let piece = self.piece(entry, last, until);
            if ended {
                self.next_leg();
            }
            return Ok(Step::Piece(piece));
        }
    }

    /// The frontier that an entry of this leg, or of the `last` one, tells.
    fn frontier_at(&self, entry: &Entry, last: bool) -> Frontier {
        match entry.frontier {
            // Where another log follows, the end of this one says nothing about the stream.
            frontier if frontier >= LAST && !last => Frontier::START,
            Frontier::Empty => Frontier::Empty,
            // Late records say nothing about what follows them.
            _ if self.input.late => Frontier::START,
            frontier => frontier,
        }
    }

    /// What comes of an entry of the first leg.
    fn piece(&self, entry: Entry, last: bool, until: Option<u64>) -> Piece {
        let leg = &self.legs[0];
        Piece {
            log: leg.log.clone(),
            leg: self.leg,
            run: leg.incarnation.map_or(entry.epoch, |incarnation| incarnation.0),
            skipped: skipped(&self.input, self.leg, &entry),
            skip: leg.sequence,
            until,
            from: self.input.from,
            late: self.input.late,
            columns: self.columns.clone(),
            frontier: self.frontier,
            mark: match entry.kind {
                Kind::Mark(revision) if last => Some(revision),
                _ => None,
            },
            entry,
        }
    }

    fn next_leg(&mut self) {
        (self.reader, self.watch) = (None, None);
        self.legs.pop_front();
        self.leg += 1;
    }
}

/// The records of an entry that are skipped.
fn skipped(input: &Input, leg: usize, entry: &Entry) -> Vec<u64> {
    let here = |(of, sequence): &&(usize, u64)| *of == leg && (entry.first..entry.end()).contains(sequence);
    input.skipped.iter().filter(here).map(|(_, sequence)| *sequence).collect()
}

impl Piece {
    /// How many records it may have; exact unless some are left out.
    pub fn count(&self) -> usize {
        if self.late { self.entry.late as usize } else { (self.entry.count - self.entry.late) as usize }
    }

    /// A time that none of its records is before.
    pub fn min_time(&self) -> Timestamp {
        self.entry.min_time.max(self.from)
    }

    /// The sequence of its first record.
    pub fn first(&self) -> u64 {
        self.entry.first
    }

    /// The place after it.
    pub fn next(&self) -> Place {
        Place { leg: self.leg, sequence: self.entry.end(), from: self.from }
    }

    /// The leg that it is of.
    pub fn leg(&self) -> usize {
        self.leg
    }

    /// The number that its positions carry: a derived stream's incarnation, the epoch of a source's entry.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The wanted records.
    pub fn load(&self) -> Result<Loaded, ReadError> {
        let loaded = self.log.load(&self.entry)?;
        let wanted_columns = self.columns.as_ref().map(|places| loaded.batch.project(places));
        let batch = wanted_columns.unwrap_or(Ok(loaded.batch)).expect("the columns are those of the stream");
        let (first, end) = (self.entry.first, self.entry.end());
        let whole = !self.late
            && self.entry.late == 0
            && self.skipped.is_empty()
            && self.skip <= first
            && self.until.is_none_or(|until| end <= until)
            && self.from <= self.entry.min_time;
        if whole {
            return Ok(Loaded { batch, run: self.run, sequences: Sequences::From(first) });
        }
        let event_times = times(&batch);
        let wanted = |row: usize| {
            let sequence = first + row as u64;
            let is_late = loaded.late.as_ref().is_some_and(|late| late.value(row));
            is_late == self.late
                && sequence >= self.skip
                && self.until.is_none_or(|until| sequence < until)
                && event_times[row] >= self.from.0
                && !self.skipped.contains(&sequence)
        };
        let mask = BooleanBuffer::collect_bool(batch.num_rows(), wanted);
        let sequences = mask.set_indices().map(|row| first + row as u64).collect();
        let batch = filter_record_batch(&batch, &BooleanArray::new(mask, None))
            .expect("a mask as long as its batch filters it");
        Ok(Loaded { batch, run: self.run, sequences: Sequences::List(sequences) })
    }
}
