//! One mirror and what it asks of whom: told the time, it takes in what has come, asks for what is missing, and says when it wants to be
//! looked at again. It waits for nothing. Here it follows the headers of an origin; the bodies are [fetched](crate::fetching) beside that.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use arrow_buffer::Buffer;
use dag_log::{Bodies, Committer, Head, Kind, LandError, Log, Mirror, OpenError, Thrown};
use dag_model::Timestamp;

use crate::cache::{Cache, whole};
use crate::choice::Choice;
use crate::fetching::Fetching;
use crate::limits::{INLINE, Limits, MAX_PARTS, TURN};
use crate::origin::{Answer, Next, Origin, Ring};
use crate::wire::{Ask, Begin, Carried, Refused, Told, VERSION, Wanted};

/// Hears of a mirror when it can be read.
pub(crate) type Opener = Sender<Result<Log, OpenError>>;

/// Somebody who waits for that.
struct Opening {
    /// The first record that is to be read.
    from: u64,
    /// A handle, so that it is not closed before: once the mirror has begun.
    log: Option<Log>,
    told: Opener,
}

/// A mirror, its origins, and what has been asked of them.
pub(crate) struct Mirroring {
    origins: Vec<Arc<dyn Origin>>,
    limits: Limits,
    ring: Ring,
    committer: Committer,
    dir: PathBuf,
    /// The first record that it is to have.
    begin: u64,
    cache: Arc<Cache>,
    /// None until an origin has said with what it begins.
    mirror: Option<Mirror>,
    /// Who wants to hear of it when it is as far as they read, or as its origin.
    openings: Vec<Opening>,
    /// Whether nothing will come any more.
    over: bool,
    pull: Option<Pull>,
    pulls: Choice,
    fetching: Fetching,
}

/// What is pulled from one origin.
struct Pull {
    answer: Box<dyn Answer>,
    /// When something came last.
    heard: Instant,
    /// Whether the origin has said that it goes on where the mirror is.
    agreed: bool,
    /// The parts so far of an append that has more, and the bodies that came with them.
    heads: Vec<Head>,
    bodies: Vec<(Wanted, Buffer)>,
}

/// Why an origin is left.
#[derive(Debug)]
enum Leave {
    /// It may be asked again.
    For(String),
    /// No origin has what the mirror has.
    Throw(Thrown),
}

/// What is to become of a mirror after a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more to do at once.
    More,
    /// It has to be looked at by then.
    By(Instant),
    /// Nobody reads it.
    Closed,
}

impl Mirroring {
    pub(crate) fn new(
        origins: Vec<Arc<dyn Origin>>,
        begin: u64,
        dir: PathBuf,
        committer: Committer,
        limits: Limits,
        ring: Ring,
    ) -> Mirroring {
        let cache = Cache::new(limits, ring.clone());
        let fetching = Fetching::new(origins.clone(), begin, dir.clone(), cache.clone(), limits, ring.clone());
        Mirroring {
            origins,
            limits,
            ring,
            committer,
            dir,
            begin,
            cache,
            mirror: None,
            openings: Vec::new(),
            over: false,
            pull: None,
            pulls: Choice::default(),
            fetching,
        }
    }

    /// Whether a reader from that sequence on may read it: then it is told when it can, after a turn at the earliest.
    pub(crate) fn admit(&mut self, from: u64, told: Opener) -> bool {
        if self.over || self.cache.is_closed() || from < self.begin {
            return false;
        }
        let log = self.mirror.as_ref().and_then(Mirror::log);
        if self.mirror.is_some() && log.is_none() {
            return false;
        }
        self.openings.push(Opening { from, log, told });
        true
    }

    /// Tells those who wait that they can read it.
    fn tell_openings(&mut self, is_as_far_as_its_origin: bool) {
        let can_read = |opening: &mut Opening| {
            let log = opening.log.as_ref();
            log.is_some_and(|log| is_as_far_as_its_origin || log.visible().end >= opening.from)
        };
        for Opening { log, told, .. } in self.openings.extract_if(.., can_read) {
            // An error means that nobody waits any more; then the handle is dropped here.
            let _ = told.send(Ok(log.expect("it has one")));
        }
    }

    /// Does what there is to do now.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        if self.cache.is_closed() {
            return Turn::Closed;
        }
        if self.over {
            return Turn::By(now + self.limits.silence);
        }
        let mut due = now + self.limits.silence;
        let more = self.turn_pull(now, &mut due) | self.fetching.turn(self.mirror.as_ref(), now, &mut due);
        if self.cache.take_news()
            && let Some(mirror) = &self.mirror
        {
            mirror.tell();
        }
        if more { Turn::More } else { Turn::By(due) }
    }

    /// Ends it: its files go, and who waits for it is told.
    pub(crate) fn end(&mut self) {
        self.throw(Thrown::Removed);
        if let Some(mirror) = &self.mirror
            && let Err(error) = mirror.remove()
        {
            tracing::warn!(%error, "a mirror's files cannot be removed");
        }
    }

    fn turn_pull(&mut self, now: Instant, due: &mut Instant) -> bool {
        if self.pull.is_none() {
            if let Some(again) = self.pulls.again(now) {
                *due = again.min(*due);
                return false;
            }
            self.pull = Some(self.begin_pull(now));
        }
        for _ in 0..TURN {
            let Some(pull) = &mut self.pull else { return true };
            let agreed = pull.agreed;
            let step = match pull.answer.next(now) {
                Next::Part(bytes) => {
                    pull.heard = now;
                    self.take(&bytes)
                }
                Next::Wait(at) => {
                    let silent = pull.heard + self.limits.silence;
                    if now < silent {
                        self.tell_openings(agreed);
                        *due = silent.min(*due).min(at.unwrap_or(silent));
                        return false;
                    }
                    Err(Leave::For("it is silent".into()))
                }
                Next::End => Err(Leave::For("it has ended its answer".into())),
                Next::Dropped(why) => Err(Leave::For(why)),
            };
            match step {
                Ok(()) => {}
                Err(Leave::For(why)) => self.leave(&why, now),
                Err(Leave::Throw(why)) => {
                    self.throw(why);
                    return false;
                }
            }
        }
        true
    }

    fn begin_pull(&self, now: Instant) -> Pull {
        let begin = match &self.mirror {
            None => Begin::At(self.begin),
            Some(mirror) => Begin::After(mirror.end()),
        };
        let question = Ask::Pull { version: VERSION, begin, inline: INLINE };
        let origin = &self.origins[self.pulls.at(self.origins.len())];
        let answer = origin.ask(question.encode(), self.ring.clone());
        Pull { answer, heard: now, agreed: false, heads: Vec::new(), bodies: Vec::new() }
    }

    /// Turns to the next origin.
    fn leave(&mut self, why: &str, now: Instant) {
        tracing::debug!(mirror = %self.dir.display(), why, "turns to another origin");
        self.pull = None;
        self.pulls.failed(now, self.origins.len());
    }

    fn throw(&mut self, why: Thrown) {
        self.over = true;
        self.pull = None;
        self.fetching.stop();
        self.cache.throw(why);
        if let Some(mirror) = &self.mirror {
            mirror.throw(why);
        }
        let gone = || OpenError::Missing(self.dir.clone());
        for Opening { told, .. } in self.openings.drain(..) {
            // An error means that nobody waits any more.
            let _ = told.send(Err(gone()));
        }
    }

    /// Takes in a part of what is pulled.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Leave> {
        let pull = self.pull.as_mut().expect("something of it came");
        match (Told::decode(bytes).map_err(Leave::For)?, &self.mirror) {
            (Told::Base(base), None) if base.first() <= self.begin => {
                let bodies: Arc<dyn Bodies> = self.cache.clone();
                let (mirror, log) = Mirror::begin(&self.dir, *base, bodies, &self.committer)
                    .map_err(|error| Leave::For(error.to_string()))?;
                self.mirror = Some(mirror);
                self.openings.iter_mut().for_each(|opening| opening.log = Some(log.clone()));
                pull.agreed = true;
            }
            (Told::Same, Some(_)) => pull.agreed = true,
            (Told::Heads(carried), Some(mirror)) if pull.agreed => {
                for carried in carried {
                    land(mirror, &self.cache, pull, carried)?;
                }
                // That it has said where it is alone is no progress.
                self.pulls.worked();
                self.tell_openings(false);
            }
            (Told::Still { front, age }, Some(mirror)) if pull.agreed => {
                mirror.set_front(front);
                if Duration::from_millis(age) > self.limits.stale {
                    return Err(Leave::For(format!("it has not heard of the stream's leader for {age} ms")));
                }
            }
            (Told::Refused(why), mirror) => return Err(refused(why, mirror.is_some())),
            (told, _) => return Err(Leave::For(format!("out of turn it told {told:?}"))),
        }
        Ok(())
    }
}

/// Takes in the next entry, and lands its append when it is whole.
fn land(mirror: &Mirror, cache: &Cache, pull: &mut Pull, carried: Carried) -> Result<(), Leave> {
    let Carried { head, body } = carried;
    if let Some(body) = body {
        let wanted = Wanted { first: head.first(), length: head.body_length(), checksum: head.body_checksum() };
        pull.bodies.push((wanted, whole(wanted, &body).map_err(Leave::For)?));
    }
    let is_last = head.is_last();
    pull.heads.push(head);
    if !is_last {
        return match pull.heads.len() < MAX_PARTS {
            true => Ok(()),
            false => Err(Leave::For("an append of too many parts".into())),
        };
    }
    // First, so that who is told of the append finds them.
    pull.bodies.drain(..).for_each(|(wanted, body)| cache.put(wanted, body));
    let landed =
        mirror.land(std::mem::take(&mut pull.heads)).map_err(|error: LandError| Leave::For(error.to_string()))?;
    if landed.iter().any(|entry| matches!(entry.kind, Kind::Trim(_)))
        && let Err(error) = mirror.trim(Timestamp::MIN)
    {
        tracing::warn!(%error, "what a mirror need not keep cannot be removed");
    }
    Ok(())
}

/// What follows where an origin says that there is nothing to pull.
fn refused(why: Refused, is_begun: bool) -> Leave {
    match why {
        Refused::Cut { epoch, end } if is_begun => Leave::Throw(Thrown::Cut { epoch, end }),
        Refused::Trimmed { earliest } if is_begun => Leave::Throw(Thrown::Trimmed { earliest }),
        Refused::Removed => Leave::Throw(Thrown::Removed),
        why => Leave::For(format!("it refuses: {why:?}")),
    }
}
