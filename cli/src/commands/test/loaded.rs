//! A component, and what it takes to have it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use dag_wasm::{Component, Import, Limits, Runtime, RuntimeOptions};
use serde_json::{Value, json};

use crate::commands::deploy::imports;
use crate::output;

/// A component that could be deployed.
pub struct Loaded {
    pub component: Arc<Component>,
    bytes: usize,
    compiling: Duration,
    loading: Duration,
}

impl Loaded {
    /// That of a file.
    ///
    /// # Errors
    /// If it cannot be read or deployed.
    pub fn of(file: &Path) -> anyhow::Result<Loaded> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let runtime = Runtime::new(RuntimeOptions::default())?;
        let begun = Instant::now();
        let built = runtime
            .build(&bytes, Limits::default())
            .with_context(|| format!("{} cannot be deployed", file.display()))?;
        let compiling = begun.elapsed();
        let begun = Instant::now();
        let component = runtime.open(built.digest, &built.code, built.description)?;
        Ok(Loaded { component, bytes: built.bytes.len(), compiling, loading: begun.elapsed() })
    }

    /// For people.
    pub fn text(&self) -> String {
        let head = format!(
            "{} {}: {}, compiled in {:.1} s, loaded in {:.2} ms\n",
            self.component.name(),
            self.component.version(),
            output::bytes(self.bytes as u64),
            self.compiling.as_secs_f64(),
            self.loading.as_secs_f64() * 1e3
        );
        head + &imports(&self.imports())
    }

    /// For programs: times are in seconds.
    pub fn json(&self) -> Value {
        json!({
            "component": self.component.name(),
            "version": self.component.version().to_string(),
            "bytes": self.bytes,
            "compiled_in": self.compiling.as_secs_f64(),
            "loaded_in": self.loading.as_secs_f64(),
            "imports": self.imports(),
        })
    }

    /// What it imports, as a node shows it.
    fn imports(&self) -> Vec<dag_api::Import> {
        let shown = |import: &Import| dag_api::Import {
            name: import.name.clone(),
            answer: import.answer.to_string(),
            says: import.answer.says().to_owned(),
        };
        self.component.description().imports.iter().map(shown).collect()
    }
}
