//! Where a mirror takes a log from, however that is reached: [`Origin`] is what a transport makes of another node, [`Here`] a log of this process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_log::{Entry, Heads, Log, ReadError, Standing, Start, Watch};

use crate::limits::{GATHERED, MAX_BODIES, PIECE, STILL};
use crate::wire::{Ask, Begin, Carried, Refused, Told, VERSION, Wanted};

/// Called when there may be more of an answer, on any thread and under any lock: it must not block.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

/// A node that has the log, or a copy of it.
pub trait Origin: Send + Sync {
    /// Asks it something. Waits for nothing: what cannot be reached says so in place of the first part. Dropping the answer ends it.
    ///
    /// What has come of the answer and was not taken is bounded by whoever carries it, and holds back no other answer.
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer>;
}

/// An answer, part by part.
pub trait Answer: Send {
    /// What there is of it now.
    fn next(&mut self, now: Instant) -> Next;
}

/// What there is of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next part.
    Part(Vec<u8>),
    /// Nothing yet. The bell rings when there is, or at that moment at the latest.
    Wait(Option<Instant>),
    /// Nothing follows.
    End,
    /// Nothing follows, though something should: the origin is gone, or cannot be reached.
    Dropped(String),
}

/// A log of this process.
pub struct Here {
    log: Log,
}

impl Here {
    /// That log as an origin.
    ///
    /// # Panics
    /// When it is asked, if the log is a mirror: mirrors take only from who has the log itself.
    pub fn new(log: Log) -> Here {
        Here { log }
    }
}

impl Origin for Here {
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer> {
        Box::new(Answering::new(self.log.clone(), &question, ring))
    }
}

/// The answer to a question about a log that is here: what whoever carries it sends part by part.
pub struct Answering {
    work: Work,
    log: Log,
    told: VecDeque<Told>,
    /// When something was told last.
    last: Option<Instant>,
}

enum Work {
    Pull { heads: Heads, inline: u32, _watch: Watch },
    Bodies { wanted: VecDeque<Wanted>, under_way: Option<(Wanted, arrow_buffer::Buffer, usize)> },
    Over,
}

impl Answering {
    /// Of a question as it came.
    pub fn new(log: Log, question: &[u8], ring: Ring) -> Answering {
        let refused = |why| (Work::Over, VecDeque::from([Told::Refused(why)]));
        let (work, told) = match Ask::decode(question) {
            Err(what) => refused(Refused::Failed(what)),
            Ok(Ask::Pull { version, .. } | Ask::Bodies { version, .. }) if version != VERSION => {
                refused(Refused::Version(VERSION))
            }
            Ok(Ask::Bodies { wanted, .. }) if wanted.len() > MAX_BODIES => {
                refused(Refused::Failed(format!("{} bodies are asked for; the limit is {MAX_BODIES}", wanted.len())))
            }
            Ok(Ask::Bodies { wanted, .. }) => {
                (Work::Bodies { wanted: wanted.into(), under_way: None }, VecDeque::new())
            }
            Ok(Ask::Pull { begin, inline, .. }) => {
                // Registered first, so that nothing that becomes visible in between is missed.
                let watch = log.on_visible(ring);
                match begin_at(&log, begin) {
                    Ok((told, heads)) => (Work::Pull { heads, inline, _watch: watch }, told),
                    Err(why) => refused(why),
                }
            }
        };
        Answering { work, log, told, last: None }
    }

    fn gather(&mut self) -> Result<Option<Told>, ReadError> {
        match &mut self.work {
            Work::Over => Ok(None),
            Work::Pull { heads, inline, .. } => {
                let (mut gathered, mut bytes) = (Vec::new(), 0);
                while bytes < GATHERED
                    && let Some((head, entry)) = heads.next()?
                {
                    let is_short = entry.count > 0 && head.body_length() <= *inline;
                    let body = if is_short { Some(self.log.body(&entry)?.to_vec()) } else { None };
                    bytes += 256 + body.as_ref().map_or(0, Vec::len);
                    gathered.push(Carried { head, body });
                }
                Ok((!gathered.is_empty()).then_some(Told::Heads(gathered)))
            }
            Work::Bodies { wanted, under_way } => {
                if under_way.is_none() {
                    let Some(next) = wanted.pop_front() else {
                        self.work = Work::Over;
                        return Ok(None);
                    };
                    match body(&self.log, next) {
                        Ok(Some(bytes)) => *under_way = Some((next, bytes, 0)),
                        Ok(None) => return Ok(Some(Told::Gone { first: next.first, earliest: None })),
                        Err(ReadError::Trimmed { earliest, .. }) => {
                            return Ok(Some(Told::Gone { first: next.first, earliest: Some(earliest) }));
                        }
                        Err(error) => return Err(error),
                    }
                }
                let Some((wanted, bytes, at)) = under_way else { return Ok(None) };
                let end = bytes.len().min(*at + PIECE);
                let piece = Told::Piece { first: wanted.first, at: *at as u32, bytes: bytes[*at..end].to_vec() };
                *at = end;
                if end == bytes.len() {
                    *under_way = None;
                }
                Ok(Some(piece))
            }
        }
    }
}

impl Answer for Answering {
    fn next(&mut self, now: Instant) -> Next {
        let told = match self.told.pop_front() {
            Some(told) => Some(told),
            None => match self.gather() {
                Ok(told) => told,
                Err(error) => {
                    self.work = Work::Over;
                    Some(Told::Refused(refusal(&error)))
                }
            },
        };
        if let Some(told) = told {
            self.last = Some(now);
            return Next::Part(told.encode());
        }
        let Work::Pull { .. } = &self.work else { return Next::End };
        let due = self.last.map_or(now, |last| last + STILL);
        if now < due {
            return Next::Wait(Some(due));
        }
        self.last = Some(now);
        Next::Part(still(&self.log).encode())
    }
}

/// What is said where there is nothing else to say. A log of this process is led here.
fn still(log: &Log) -> Told {
    Told::Still { front: log.earliest(), age: Duration::ZERO.as_millis() as u64 }
}

fn begin_at(log: &Log, begin: Begin) -> Result<(VecDeque<Told>, Heads), Refused> {
    let read = || -> Result<Result<_, Refused>, ReadError> {
        let (told, end) = match begin {
            Begin::At(sequence) => {
                let base = log.base(sequence.min(log.visible().end))?;
                let end = base.end();
                (Told::Base(Box::new(base)), end)
            }
            Begin::After(end) => match log.standing(&end)? {
                Standing::Same => (Told::Same, end),
                Standing::Behind => return Ok(Err(Refused::Behind)),
                Standing::Cut { epoch, end } => return Ok(Err(Refused::Cut { epoch, end })),
                Standing::Trimmed { earliest } => return Ok(Err(Refused::Trimmed { earliest })),
            },
        };
        Ok(Ok((VecDeque::from([told, still(log)]), log.heads(&end)?)))
    };
    read().unwrap_or_else(|error| Err(refusal(&error)))
}

fn refusal(error: &ReadError) -> Refused {
    match error {
        ReadError::Trimmed { earliest, .. } => Refused::Trimmed { earliest: *earliest },
        ReadError::Removed => Refused::Removed,
        error => Refused::Failed(error.to_string()),
    }
}

/// The body that is wanted; none where the log has no such entry.
fn body(log: &Log, wanted: Wanted) -> Result<Option<arrow_buffer::Buffer>, ReadError> {
    let mut reader = match log.reader(Start::Sequence(wanted.first)) {
        Err(ReadError::PastEnd { .. }) => return Ok(None),
        reader => reader?,
    };
    let is_it = |entry: &Entry| entry.first == wanted.first && entry.body_length() == wanted.length;
    match reader.next()? {
        Some(entry) if is_it(&entry) && entry.body_checksum() == wanted.checksum => log.body(&entry).map(Some),
        _ => Ok(None),
    }
}
