//! The clock of time limits: a thread that advances the engine's epoch while guests run, and is parked while none does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// How often the epoch advances: the grain of time limits.
const TICK: Duration = Duration::from_millis(10);

/// A handle to the thread; dropping it ends the thread.
pub struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Calls begun since the start, for the thread to see that there were some between two ticks.
    begun: AtomicU64,
    /// Calls ended since the start.
    ended: AtomicU64,
    /// Whether the thread is parked, or about to be.
    parked: AtomicBool,
    stopped: AtomicBool,
}

/// While it lives, time passes.
pub struct Running<'a>(&'a Ticker);

impl Ticker {
    /// Starts the thread, parked.
    pub fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            parked: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let (engine, seen) = (engine.weak(), Arc::clone(&shared));
        let thread = dag_alarm::thread("wasm-ticker", move || {
            let mut last = 0;
            while !seen.stopped.load(SeqCst) {
                let begun = seen.begun.load(SeqCst);
                // Parking only after a tick without a call spares a busy node the wake-up on every call.
                if begun == last && seen.ended.load(SeqCst) == begun {
                    seen.park(begun);
                    continue;
                }
                last = begun;
                thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// To be held during a call.
    pub fn running(&self) -> Running<'_> {
        self.shared.begun.fetch_add(1, SeqCst);
        if self.shared.parked.load(SeqCst) {
            self.unpark();
        }
        Running(self)
    }

    /// The number of ticks after which at least `limit` has passed.
    pub fn ticks(limit: Duration) -> u64 {
        // The first tick may come at once.
        (limit.as_nanos().div_ceil(TICK.as_nanos()) as u64).saturating_add(1)
    }

    fn unpark(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    /// Sleeps until a call begins, unless one has begun since `begun` was read: the caller of `running` counts before it looks
    /// at `parked`, we set `parked` before we look at the count, so one of the two sees the other.
    fn park(&self, begun: u64) {
        self.parked.store(true, SeqCst);
        if self.begun.load(SeqCst) == begun && !self.stopped.load(SeqCst) {
            thread::park();
        }
        self.parked.store(false, SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.ended.fetch_add(1, SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        self.unpark();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic, and if it did there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, Instance, Module, Store, Trap};

    /// Waits for the thread to have nothing more to do; a ticker that never parks hangs here.
    fn until_parked(ticker: &Ticker) {
        while !ticker.shared.parked.load(SeqCst) {
            thread::yield_now();
        }
    }

    #[test]
    fn it_parks_when_no_call_runs_and_wakes_for_the_next() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let endless = wat::parse_str(r#"(module (func (export "run") (loop (br 0))))"#).unwrap();
        let module = Module::new(&engine, endless).unwrap();
        let ticker = Ticker::start(&engine).unwrap();
        for _ in 0..2 {
            until_parked(&ticker);
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(Ticker::ticks(TICK));
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
            let _running = ticker.running();
            let error = run.call(&mut store, ()).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&Trap::Interrupt));
        }
        until_parked(&ticker);
    }
}
