//! The bodies of a mirror's entries that are not here: which are asked for, of whom, and what comes of that.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_log::{Log, Mirror, Start};

use crate::ahead::Ahead;
use crate::cache::{Cache, Pieces};
use crate::choice::Choice;
use crate::limits::{Limits, MAX_BODIES, TURN};
use crate::origin::{Answer, Next, Origin, Ring};
use crate::wire::{Ask, Told, VERSION, Wanted};

/// The bodies that somebody waits for or may want next.
pub(crate) struct Fetching {
    origins: Vec<Arc<dyn Origin>>,
    /// The first record that the mirror is to have.
    begin: u64,
    dir: PathBuf,
    cache: Arc<Cache>,
    limits: Limits,
    ring: Ring,
    fetches: Vec<Fetch>,
    /// Which origin is asked.
    origin: Choice,
    ahead: Ahead,
}

/// Bodies that one origin was asked for.
struct Fetch {
    answer: Box<dyn Answer>,
    heard: Instant,
    wanted: BTreeSet<Wanted>,
    pieces: Option<Pieces>,
}

impl Fetching {
    /// Nothing has been asked for.
    pub(crate) fn new(
        origins: Vec<Arc<dyn Origin>>,
        begin: u64,
        dir: PathBuf,
        cache: Arc<Cache>,
        limits: Limits,
        ring: Ring,
    ) -> Fetching {
        let (fetches, origin, ahead) = (Vec::new(), Choice::default(), Ahead::default());
        Fetching { origins, begin, dir, cache, limits, ring, fetches, origin, ahead }
    }

    /// Nothing that was asked for is wanted any more.
    pub(crate) fn stop(&mut self) {
        self.fetches = Vec::new();
    }

    /// Takes in what has come and asks for what is missing; says whether there is more to do at once, and by when it is to be looked at.
    pub(crate) fn turn(&mut self, mirror: Option<&Mirror>, now: Instant, due: &mut Instant) -> bool {
        let mut more = false;
        for mut fetch in std::mem::take(&mut self.fetches) {
            match fetch.turn(&self.cache, now, self.limits.silence) {
                Ok(Some(at)) => {
                    *due = at.min(*due);
                    self.fetches.push(fetch);
                }
                Ok(None) if fetch.wanted.is_empty() => {
                    self.origin.worked();
                    more = true;
                }
                Ok(None) => {
                    more = true;
                    self.fetches.push(fetch);
                }
                Err(why) => {
                    tracing::debug!(mirror = %self.dir.display(), why, "asks another origin for bodies");
                    self.origin.failed(now, self.origins.len());
                    more = true;
                }
            }
        }
        match self.origin.again(now) {
            Some(again) => *due = again.min(*due),
            None => more |= self.fetch(mirror, now),
        }
        more
    }

    /// Asks for bodies that somebody waits for or may want next; says whether it has.
    fn fetch(&mut self, mirror: Option<&Mirror>, now: Instant) -> bool {
        let Some(log) = mirror.and_then(Mirror::log) else { return false };
        let mut asked = false;
        for waiting in self.cache.waiting() {
            if self.room() == 0 {
                return asked;
            }
            if !self.is_under_way(&waiting) {
                let wanted = self.with_what_follows(&log, waiting);
                asked |= self.ask_for(wanted, now);
            }
        }
        if self.room() > 0 {
            let read = self.cache.read().max(self.begin);
            let mut wanted = self.ahead.more(&log, read, self.limits.ahead);
            wanted.retain(|body| !self.is_under_way(body) && !self.cache.has(body));
            asked |= self.ask_for(wanted, now);
        }
        asked
    }

    /// How many more bytes of bodies may be under way.
    fn room(&self) -> usize {
        let under_way = self.fetches.iter().flat_map(|fetch| &fetch.wanted).map(|wanted| wanted.length as usize);
        self.limits.in_flight.saturating_sub(under_way.sum())
    }

    fn is_under_way(&self, body: &Wanted) -> bool {
        self.fetches.iter().any(|fetch| fetch.wanted.contains(body))
    }

    fn ask_for(&mut self, wanted: Vec<Wanted>, now: Instant) -> bool {
        if wanted.is_empty() {
            return false;
        }
        let wanted = BTreeSet::from_iter(wanted);
        let question = Ask::Bodies { version: VERSION, wanted: wanted.iter().copied().collect() };
        let origin = &self.origins[self.origin.at(self.origins.len())];
        let answer = origin.ask(question.encode(), self.ring.clone());
        self.fetches.push(Fetch { answer, heard: now, wanted, pieces: None });
        true
    }

    /// A body that somebody waits for, and those of what follows it that are not here, as far as is read ahead.
    fn with_what_follows(&self, log: &Log, first: Wanted) -> Vec<Wanted> {
        let (mut wanted, mut bytes) = (vec![first], first.length as usize);
        let most = self.room().min(self.limits.ahead);
        // What cannot be read here is told to whoever reads it.
        let Ok(mut reader) = log.reader(Start::Sequence(first.first)) else { return wanted };
        while wanted.len() < MAX_BODIES
            && let Ok(Some(entry)) = reader.next()
        {
            let body = Wanted::of(&entry);
            if entry.count == 0 || body == first {
                continue;
            }
            bytes += body.length as usize;
            if bytes > most {
                break;
            }
            if !self.is_under_way(&body) && !self.cache.has(&body) {
                wanted.push(body);
            }
        }
        wanted
    }
}

impl Fetch {
    /// Takes in what has come: by when more has to, none if all has that was asked for or there may be more at once. An error says why
    /// nothing more comes.
    fn turn(&mut self, cache: &Cache, now: Instant, silence: Duration) -> Result<Option<Instant>, String> {
        for _ in 0..TURN {
            if self.wanted.is_empty() {
                return Ok(None);
            }
            match self.answer.next(now) {
                Next::Part(bytes) => {
                    self.heard = now;
                    self.take(&bytes, cache, now)?;
                }
                Next::Wait(at) if now < self.heard + silence => {
                    let silent = self.heard + silence;
                    return Ok(Some(at.unwrap_or(silent).min(silent)));
                }
                Next::Wait(_) => return Err("it is silent".into()),
                Next::End => return Err("it has ended its answer".into()),
                Next::Dropped(why) => return Err(why),
            }
        }
        Ok(None)
    }

    fn take(&mut self, bytes: &[u8], cache: &Cache, now: Instant) -> Result<(), String> {
        match Told::decode(bytes)? {
            Told::Piece { first, at, bytes } => {
                let is_it = |pieces: &Pieces| pieces.wanted.first == first;
                if !self.pieces.as_ref().is_some_and(is_it) {
                    let wanted = self.wanted.iter().find(|wanted| wanted.first == first);
                    let wanted = wanted.ok_or_else(|| format!("nobody asked for the body at {first}"))?;
                    self.pieces = Some(Pieces::new(*wanted));
                }
                let pieces = self.pieces.as_mut().expect("made above");
                let wanted = pieces.wanted;
                cache.moved(&wanted, now);
                if let Some(body) = pieces.take(at, &bytes)? {
                    self.pieces = None;
                    self.wanted.remove(&wanted);
                    cache.put(wanted, body);
                }
                Ok(())
            }
            Told::Gone { first, earliest: Some(earliest) } => {
                let gone: Vec<Wanted> = self.wanted.iter().filter(|wanted| wanted.first == first).copied().collect();
                for wanted in gone {
                    cache.trimmed(&wanted, earliest);
                    self.wanted.remove(&wanted);
                }
                Ok(())
            }
            Told::Gone { first, earliest: None } => Err(format!("it has no entry at {first}")),
            told => Err(format!("out of turn it told {told:?}")),
        }
    }
}
