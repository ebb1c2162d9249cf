//! A running guest of either world: its store, its limits, and what became of a call.

use std::sync::Arc;
use std::time::Duration;

use dag_model::text::size;
use wasmtime::{Store, Trap};

use crate::generator::Generator;
use crate::host::Host;
use crate::limits::{Limits, OverAll, OverMemory, OverTables, Places, TABLE_ELEMENTS, Taken};
use crate::memory::{Holder, NoMemory};
use crate::ticker::Ticker;
use crate::wasi::Refused;
use crate::words;

/// Room for what a result holds besides frames: names, schemas, the text of an error.
const BESIDES_FRAMES: u64 = 1 << 20;

/// What an instance is made with.
#[derive(Clone, Debug, Default)]
pub struct InstanceOptions {
    /// What its log lines are labelled with: the computation's expression.
    pub label: String,
    /// Where its generator starts: the incarnation's seed. What goes on from a snapshot is then told `random_state` from there.
    pub random: u64,
    /// What it may use.
    pub limits: Limits,
    /// Who holds its memory, where several share it.
    pub holder: Option<Arc<Holder>>,
}

/// Why a call, or the making of an instance, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The guest's own words. The instance goes on.
    #[error("{0}")]
    Refused(String),
    /// The guest answered what the interface does not allow. The instance goes on.
    #[error("the operator broke its interface: {0}")]
    Invalid(String),
    /// The component does not export this interface.
    #[error("the component does not export `{0}`")]
    NotExported(&'static str),
    /// The machine gives no memory, or no room in its address space, for another instance.
    #[error("no instance of the operator can be made: {0}")]
    NoRoom(String),
    /// The instances of all operators have as many memories as they may have.
    #[error(
        "no instance of the operator can be made: there are as many as `dag serve --instances` allows, which is {0}"
    )]
    Memories(usize),
    /// The instance is gone. What all computations may have together is taken.
    #[error(transparent)]
    Shared(NoMemory),
    /// The instance is gone.
    #[error("the operator trapped: {0}")]
    Trap(String),
    /// The instance is gone.
    #[error("the operator took longer than the {0:?} that one call may take")]
    TimeLimit(Duration),
    /// The instance is gone.
    #[error("the operator needs more memory than its limit of {}", size(*.0))]
    MemoryLimit(u64),
    /// The instance is gone.
    #[error("the operator needs tables of more than {TABLE_ELEMENTS} elements, which is the limit")]
    TableLimit,
    /// The instance is gone.
    #[error("the operator returned more than the {} that one call may return", size(*.0))]
    OutputLimit(u64),
    /// An earlier call ended this instance.
    #[error("the operator's instance has ended")]
    Ended,
}

/// An instance with its bindings `B`. Dropping it frees its memory at once.
pub(crate) struct Instance<B> {
    /// None once a call has failed in a way that leaves the guest's memory in no known state.
    running: Option<Running<B>>,
    limits: Limits,
    ticker: Arc<Ticker>,
}

struct Running<B> {
    store: Store<Host>,
    bindings: B,
    _taken: Taken,
}

impl<B> Instance<B> {
    /// An instance that `instantiate` makes in a store of its own.
    pub fn new(
        engine: &wasmtime::Engine,
        ticker: &Arc<Ticker>,
        (places, memories): (&Arc<Places>, usize),
        options: InstanceOptions,
        instantiate: impl FnOnce(&mut Store<Host>) -> wasmtime::Result<B>,
    ) -> Result<Instance<B>, CallError> {
        dag_lock::may_wait("an operator");
        let limits = options.limits;
        let taken = places.take(memories).map_err(CallError::Memories)?;
        let mut store = Store::new(engine, Host::new(options));
        store.limiter(|host| &mut host.usage);
        store.set_hostcall_fuel(usize::try_from(limits.output.saturating_add(BESIDES_FRAMES)).unwrap_or(usize::MAX));
        store.set_epoch_deadline(Ticker::ticks(limits.call));
        let made = {
            let _running = ticker.running();
            instantiate(&mut store)
        };
        store.data_mut().end();
        let bindings = made.map_err(|error| match failure(&error, &limits, store.data_mut()) {
            CallError::Trap(_) if !error.is::<Trap>() => CallError::NoRoom(format!("{error:#}")),
            failure => failure,
        })?;
        Ok(Instance { running: Some(Running { store, bindings, _taken: taken }), limits, ticker: Arc::clone(ticker) })
    }

    /// Calls the guest within its limits.
    pub fn call<T>(
        &mut self,
        call: impl FnOnce(&B, &mut Store<Host>) -> wasmtime::Result<Result<T, String>>,
    ) -> Result<T, CallError> {
        dag_lock::may_wait("an operator");
        let Running { store, bindings, .. } = self.running.as_mut().ok_or(CallError::Ended)?;
        store.data_mut().begin();
        store.set_epoch_deadline(Ticker::ticks(self.limits.call));
        let answer = {
            let _running = self.ticker.running();
            call(bindings, store)
        };
        store.data_mut().end();
        match answer {
            Ok(answer) => answer.map_err(|why| CallError::Refused(words::fit(why))),
            Err(error) => {
                let error = failure(&error, &self.limits, store.data_mut());
                self.running = None;
                Err(error)
            }
        }
    }

    /// Calls the guest in a way that leaves no trace in its generator and clock: whether it is called so or not makes no difference to
    /// what comes after.
    pub fn call_aside<T>(
        &mut self,
        call: impl FnOnce(&B, &mut Store<Host>) -> wasmtime::Result<Result<T, String>>,
    ) -> Result<T, CallError> {
        let step = |running: &mut Option<Running<B>>, step: fn(&mut Generator)| {
            if let Some(running) = running {
                step(&mut running.store.data_mut().generator);
            }
        };
        step(&mut self.running, Generator::step_aside);
        let answer = self.call(call);
        step(&mut self.running, Generator::step_back);
        answer
    }

    /// The bytes of linear memory that it has; 0 for an instance that has ended.
    pub fn memory(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.store.data().usage.memory())
    }

    /// Where the generator is; 0 for an instance that has ended.
    pub fn random_state(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.store.data().generator.state())
    }

    /// Has the generator, and with it the clock, go on from where one with the same seed was.
    pub fn go_on_from(&mut self, random_state: u64) {
        if let Some(running) = &mut self.running {
            running.store.data_mut().generator.go_on_from(random_state);
        }
    }

    /// Ends the instance if it returned so many bytes that they are more than one call may return.
    pub fn check_output(&mut self, bytes: usize) -> Result<(), CallError> {
        if bytes as u64 > self.limits.output {
            self.running = None;
            return Err(CallError::OutputLimit(self.limits.output));
        }
        Ok(())
    }
}

/// What wasmtime's error means.
fn failure(error: &wasmtime::Error, limits: &Limits, host: &mut Host) -> CallError {
    if error.is::<OverMemory>() {
        return CallError::MemoryLimit(limits.memory);
    }
    if let Some(OverAll(why)) = error.downcast_ref() {
        return CallError::Shared(*why);
    }
    if error.is::<OverTables>() {
        return CallError::TableLimit;
    }
    let mut told = |what: String| match host.last_words() {
        Some(words) => CallError::Trap(format!("{words} ({what})")),
        None => CallError::Trap(what),
    };
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return told(refused.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::TimeLimit(limits.call),
        Some(trap) => told(trap.to_string()),
        // wasmtime's type for this is private; a test holds its text.
        None if error.to_string().contains("fuel allocated for hostcalls") => CallError::OutputLimit(limits.output),
        None => told(format!("{error:#}")),
    }
}
