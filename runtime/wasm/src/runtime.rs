//! The engine that all components of a node share.

use std::path::PathBuf;
use std::sync::Arc;

use dag_model::Digest;
use dag_storage::{OsStorage, Storage};
use wasmtime::component::{Component as Code, Linker};
use wasmtime::{Config, Engine};

use crate::bindings::aggregate::{Aggregate, AggregatePre};
use crate::bindings::transform::TransformPre;
use crate::build::Built;
use crate::cache::Cache;
use crate::component::{Component, Guests};
use crate::description::Description;
use crate::host::{Host, ThisHost};
use crate::limits::{self, Limits, Places};
use crate::load::{self, LoadError};
use crate::ticker::Ticker;
use crate::wasi;

/// What a runtime is made with.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// Where compiled code is kept; none keeps none. Nobody but the node may write there.
    pub cache: Option<PathBuf>,
    /// The storage in which it is kept.
    pub storage: Arc<dyn Storage>,
    /// Whether compiling may use further threads.
    pub threads: bool,
    /// How many memories all instances may have together.
    pub memories: usize,
}

impl Default for RuntimeOptions {
    fn default() -> RuntimeOptions {
        RuntimeOptions { cache: None, storage: Arc::new(OsStorage), threads: true, memories: limits::most_memories() }
    }
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The machine cannot run the engine as it is set.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The thread that keeps time limits cannot be started.
    #[error("the thread that keeps operators' time limits does not start")]
    Ticker(#[source] std::io::Error),
    /// The folder of compiled code cannot be used.
    #[error("the folder of compiled operators `{0}` cannot be used")]
    Cache(PathBuf, #[source] std::io::Error),
}

/// Opens components. One per process is enough.
pub struct Runtime {
    pub(crate) engine: Engine,
    linker: Linker<Host>,
    ticker: Arc<Ticker>,
    places: Arc<Places>,
    cache: Option<Cache>,
}

impl Runtime {
    /// Starts the engine.
    pub fn new(options: RuntimeOptions) -> Result<Runtime, RuntimeError> {
        let reason = |error: wasmtime::Error| RuntimeError::Engine(format!("{error:#}"));
        let engine = Engine::new(&config(options.threads)).map_err(reason)?;
        let mut linker = Linker::new(&engine);
        Aggregate::add_to_linker::<_, ThisHost>(&mut linker, |host| host).map_err(reason)?;
        let ticker = Arc::new(Ticker::start(&engine).map_err(RuntimeError::Ticker)?);
        let cache = match options.cache {
            Some(folder) => Some(
                Cache::open(options.storage, &folder, &engine).map_err(|error| RuntimeError::Cache(folder, error))?,
            ),
            None => None,
        };
        Ok(Runtime { engine, linker, ticker, places: Arc::new(Places::new(options.memories)), cache })
    }

    /// Builds a component in this process and opens it. For components of our own: [`Builder`](crate::Builder) is for strangers'.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Component>, LoadError> {
        let built = self.build(bytes, Limits::default())?;
        self.open(built.digest, &built.code, built.description)
    }

    /// The component that was built before, and whose code is [kept](Self::keep); none if it is not, or cannot be used any more.
    pub fn kept(&self, digest: Digest, description: &Description) -> Option<Arc<Component>> {
        let code = self.cache.as_ref()?.get(&digest)?;
        self.open(digest, &code, description.clone()).ok()
    }

    /// Keeps a component's code for the next start. Without it that takes as long as compiling does, so failing is no failure.
    pub fn keep(&self, built: &Built) {
        let Some(cache) = &self.cache else { return };
        if let Err(error) = cache.put(&built.digest, &built.code) {
            tracing::warn!(digest = %built.digest, %error, "the compiled component could not be kept");
        }
    }

    /// Removes the code of all components but these.
    pub fn keep_only(&self, wanted: &dyn Fn(Digest) -> bool) {
        let Some(cache) = &self.cache else { return };
        if let Err(error) = cache.keep_only(wanted) {
            tracing::warn!(%error, "compiled code that is not wanted any more could not be removed");
        }
    }

    /// How many memories all instances have together, and how many they may have.
    pub fn memories(&self) -> (usize, usize) {
        self.places.count()
    }

    /// Opens a component that was built.
    ///
    /// `code` must come from [`build`](Self::build), of this engine: of this process, or of a process of this same binary that was given
    /// bytes to build. What the engine finds there it trusts, since it is machine code and how to enter it. That makes whoever can forge it
    /// master of the node: not who sends a component, unless the compiler has a bug that lets a component choose what is compiled, and
    /// then running the component would do as much, wherever it was compiled; nor a compiler that was taken over by such a bug while it
    /// reads, for which the process that it runs in can do nothing but write code that a node would run anyway.
    pub fn open(&self, digest: Digest, code: &[u8], description: Description) -> Result<Arc<Component>, LoadError> {
        // SAFETY: see above for who wrote it. wasmtime itself refuses what another version, other settings or another machine made.
        let code = unsafe { Code::deserialize(&self.engine, code) };
        let code = code.map_err(|error| LoadError::Code(format!("{error:#}")))?;
        let guests = self.guests(&code)?;
        Ok(Arc::new(Component { digest, description, guests }))
    }

    /// The worlds that compiled code implements, linked to this host.
    pub(crate) fn guests(&self, code: &Code) -> Result<Guests, LoadError> {
        let worlds = load::check(&self.engine, code)?;
        let mut linker = self.linker.clone();
        wasi::define(&mut linker, &self.engine, &code.component_type()).map_err(load::misfit)?;
        let pre = linker.instantiate_pre(code).map_err(load::misfit)?;
        Ok(Guests {
            imports: worlds.imports,
            engine: self.engine.clone(),
            ticker: Arc::clone(&self.ticker),
            places: Arc::clone(&self.places),
            // One is not taken for none: an instance takes room besides its memory.
            memories: code.resources_required().map_or(1, |required| required.num_memories.max(1) as usize),
            aggregate: worlds.aggregate.then(|| AggregatePre::new(pre.clone())).transpose().map_err(load::misfit)?,
            transform: worlds.transform.then(|| TransformPre::new(pre)).transpose().map_err(load::misfit)?,
        })
    }
}

/// The engine's settings.
fn config(threads: bool) -> Config {
    let mut config = Config::new();
    config.parallel_compilation(threads);
    // The same bytes in give the same bytes out, on every machine.
    config.cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false);
    config.epoch_interruption(true);
    // Each memory keeps wasmtime's 4 GiB of address space, which costs nothing but address space and spares guests their bounds
    // checks: 3.1 ns a row instead of 5.2 for `sum`. With any reservation alike an instance takes four of the mappings that the system
    // lets a process have (vm.max_map_count), and at their end the engine aborts: so instances are counted.
    config
}
