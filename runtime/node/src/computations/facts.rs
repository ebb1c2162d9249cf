//! What the plan asks: of logs, snapshots and operators, which may take their time, and once more under the lock on the plan, from memory.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use dag_expr::Application;
use dag_log::{Log, Start};
use dag_model::{Digest, IncarnationId, Timestamp};
use dag_plan::{Facts, LogId, OperatorFacts, SourceFacts};

use crate::computations::snapshots::usable;
use crate::node::View;

impl View<'_> {
    /// The log of that identity, if it is there.
    pub(crate) fn log(&self, id: &LogId) -> Option<Log> {
        match id {
            LogId::Source(name) => self.sources.get(name).map(|source| source.source.log().clone()),
            LogId::Derived(id) => self.logs.get(*id).ok(),
        }
    }
}

impl Facts for View<'_> {
    fn source(&self, name: &str) -> Option<SourceFacts> {
        let log = self.sources.get(name)?.source.log();
        let (visible, earliest) = (log.visible(), log.earliest());
        Some(SourceFacts {
            frontier: visible.frontier,
            epoch: log.epoch_at(earliest.sequence),
            earliest: earliest.sequence,
            complete_from: earliest.complete_from,
            newest: (visible.max_time > Timestamp::MIN).then_some(visible.max_time),
        })
    }

    fn seek(&self, log: &LogId, from: Timestamp) -> u64 {
        // A log that is about to be made has nothing before any time.
        let Some(log) = self.log(log) else { return 0 };
        match from {
            Timestamp::MIN => log.earliest().sequence,
            from => log.reader(Start::Time(from)).map_or(0, |reader| reader.sequence()),
        }
    }

    fn end(&self, log: &LogId) -> u64 {
        self.log(log).map_or(0, |log| log.visible().end)
    }

    fn resumes(&self, run: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String> {
        let places = usable(run, self.snapshots.places(run))?;
        Ok(places.map(|places| places.iter().map(|place| (place.leg, place.sequence)).collect()))
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        self.catalog.bind(application).map(|answer| answer.facts)
    }

    fn superseded(&self, digest: Digest) -> bool {
        self.catalog.history().superseded(digest)
    }
}

/// Facts that are gathered under no lock, and told again under it. Whatever was told stays so, so that what is decided twice is decided
/// alike.
pub(crate) struct Gathered<'v> {
    view: &'v View<'v>,
    /// Whether what has not been told is asked for.
    asks: Cell<bool>,
    /// Whether something was wanted that nobody had asked for.
    missing: Cell<bool>,
    /// Runs from this one on are new, and have nothing.
    new: Cell<IncarnationId>,
    sources: RefCell<HashMap<String, Option<SourceFacts>>>,
    seeks: RefCell<BTreeMap<(LogId, Timestamp), u64>>,
    ends: RefCell<BTreeMap<LogId, u64>>,
    places: RefCell<BTreeMap<IncarnationId, Places>>,
    operators: RefCell<HashMap<String, Result<OperatorFacts, String>>>,
}

/// From where on a run goes on.
type Places = Result<Option<Vec<(usize, u64)>>, String>;

impl<'v> Gathered<'v> {
    /// Nothing yet.
    pub fn of(view: &'v View<'v>) -> Gathered<'v> {
        Gathered {
            view,
            asks: Cell::new(false),
            missing: Cell::new(false),
            new: Cell::new(IncarnationId(0)),
            sources: RefCell::default(),
            seeks: RefCell::default(),
            ends: RefCell::default(),
            places: RefCell::default(),
            operators: RefCell::default(),
        }
    }

    /// Asks for what has not been told, which may take its time. Runs from `new` on are not there yet.
    pub fn asking(&self, new: IncarnationId) -> &Self {
        self.asks.set(true);
        self.new.set(new);
        self
    }

    /// Tells what is known, and notes whether something is not.
    pub fn remembering(&self, new: IncarnationId) -> &Self {
        self.asks.set(false);
        self.missing.set(false);
        self.new.set(new);
        self
    }

    /// Whether something was wanted that had not been asked for: then what was decided counts for nothing.
    pub fn is_missing(&self) -> bool {
        self.missing.get()
    }

    fn is_new(&self, log: &LogId) -> bool {
        matches!(log, LogId::Derived(id) if *id >= self.new.get())
    }

    /// What was told, or what `ask` says where that may be; else `unknown`.
    fn told<T: Clone>(&self, known: Option<T>, unknown: T, ask: impl FnOnce() -> T) -> T {
        match known {
            Some(known) => known,
            None if self.asks.get() => ask(),
            None => {
                self.missing.set(true);
                unknown
            }
        }
    }
}

impl Facts for Gathered<'_> {
    fn source(&self, name: &str) -> Option<SourceFacts> {
        // This waits for nothing, whoever asks.
        *self.sources.borrow_mut().entry(name.to_owned()).or_insert_with(|| self.view.source(name))
    }

    fn seek(&self, log: &LogId, from: Timestamp) -> u64 {
        if self.is_new(log) {
            return 0;
        }
        let key = (log.clone(), from);
        let known = self.seeks.borrow().get(&key).copied();
        let sequence = self.told(known, 0, || self.view.seek(log, from));
        if self.asks.get() {
            self.seeks.borrow_mut().insert(key, sequence);
        }
        sequence
    }

    fn end(&self, log: &LogId) -> u64 {
        if self.is_new(log) {
            return 0;
        }
        let known = self.ends.borrow().get(log).copied();
        let sequence = self.told(known, 0, || self.view.end(log));
        if self.asks.get() {
            self.ends.borrow_mut().insert(log.clone(), sequence);
        }
        sequence
    }

    fn resumes(&self, run: IncarnationId) -> Places {
        let known = self.places.borrow().get(&run).cloned();
        let places = self.told(known, Ok(None), || self.view.resumes(run));
        if self.asks.get() {
            self.places.borrow_mut().insert(run, places.clone());
        }
        places
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        let key = application.to_string();
        let known = self.operators.borrow().get(&key).cloned();
        let answer = self.told(known, Err(String::new()), || self.view.operator(application));
        if self.asks.get() {
            self.operators.borrow_mut().insert(key, answer.clone());
        }
        answer
    }

    fn superseded(&self, digest: Digest) -> bool {
        self.view.superseded(digest)
    }
}
