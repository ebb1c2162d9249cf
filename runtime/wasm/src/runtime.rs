//! The engine that all components of a node share.

use std::path::PathBuf;
use std::sync::Arc;

use dag_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component as Code, Linker};
use wasmtime::{Config, Engine};

use crate::bindings::aggregate::{Aggregate, AggregatePre};
use crate::bindings::transform::TransformPre;
use crate::cache::Cache;
use crate::component::{Component, Guests};
use crate::description;
use crate::host::{Host, ThisHost};
use crate::limits::Limits;
use crate::load::{self, LoadError};
use crate::ticker::Ticker;

/// What a runtime is made with.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// Where compiled code is kept; none keeps none. Nobody but the node may write there.
    pub cache: Option<PathBuf>,
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

/// Loads components. One per process is enough.
pub struct Runtime {
    engine: Engine,
    linker: Linker<Host>,
    ticker: Arc<Ticker>,
    cache: Option<Cache>,
}

impl Runtime {
    /// Starts the engine.
    pub fn new(options: RuntimeOptions) -> Result<Runtime, RuntimeError> {
        let reason = |error: wasmtime::Error| RuntimeError::Engine(format!("{error:#}"));
        let engine = Engine::new(&config()).map_err(reason)?;
        let mut linker = Linker::new(&engine);
        Aggregate::add_to_linker::<_, ThisHost>(&mut linker, |host| host).map_err(reason)?;
        let ticker = Arc::new(Ticker::start(&engine).map_err(RuntimeError::Ticker)?);
        let cache = match options.cache {
            Some(folder) => Some(Cache::open(&folder, &engine).map_err(|error| RuntimeError::Cache(folder, error))?),
            None => None,
        };
        Ok(Runtime { engine, linker, ticker, cache })
    }

    /// Loads a component, or a core module that says what component it is, and asks it what it is. Compiles it, if it is not
    /// in the cache: seconds for a large one.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Component>, LoadError> {
        self.load_within(bytes, Limits::default())
    }

    /// The same, where the component has to say within these limits what it is.
    pub fn load_within(&self, bytes: &[u8], limits: Limits) -> Result<Arc<Component>, LoadError> {
        let bytes = load::to_component(bytes)?;
        let digest = Digest(Sha256::digest(&bytes).into());
        let code = self.compile(&bytes, &digest)?;
        let worlds = load::check(&self.engine, &code)?;
        let pre = self.linker.instantiate_pre(&code).map_err(load::misfit)?;
        let guests = Guests {
            engine: self.engine.clone(),
            ticker: Arc::clone(&self.ticker),
            aggregate: worlds.aggregate.then(|| AggregatePre::new(pre.clone())).transpose().map_err(load::misfit)?,
            transform: worlds.transform.then(|| TransformPre::new(pre)).transpose().map_err(load::misfit)?,
        };
        let description = description::check(guests.describe(limits)?)?;
        Ok(Arc::new(Component { digest, bytes, description, guests }))
    }

    fn compile(&self, bytes: &[u8], digest: &Digest) -> Result<Code, LoadError> {
        if let Some(code) = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, digest)) {
            return Ok(code);
        }
        let code = Code::new(&self.engine, bytes).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(digest, &code)
        {
            // It costs the next start a compilation, and this one nothing.
            tracing::warn!(%digest, %error, "the compiled component could not be kept");
        }
        Ok(code)
    }
}

/// The engine's settings.
fn config() -> Config {
    let mut config = Config::new();
    // The same bytes in give the same bytes out, on every machine.
    config.cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false);
    config.epoch_interruption(true);
    // Each memory keeps wasmtime's 4 GiB of address space, which costs nothing but address space and spares guests their bounds
    // checks: 3.1 ns a row instead of 5.2 for `sum`. What bounds the number of instances is the system's limit on mappings
    // (vm.max_map_count), with any reservation alike: four to an instance, 16,367 instances by default.
    config
}
