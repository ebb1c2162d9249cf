//! From a project to its component.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Project;
use crate::languages::{Build, Form};
use crate::output;

/// A component that has been built.
pub struct Built {
    /// Where it lies.
    pub path: PathBuf,
    bytes: Vec<u8>,
    took: Duration,
}

impl Built {
    /// For programs: `digest` is the SHA-256 by which a node knows it, and `took` are seconds.
    pub fn json(&self) -> Value {
        json!({
            "component": self.path.display().to_string(),
            "digest": dag_wasm::digest(&self.bytes).to_string(),
            "bytes": self.bytes.len(),
            "took": self.took.as_secs_f64(),
        })
    }
}

impl Project {
    /// Builds the component, with the language's own tools.
    ///
    /// # Errors
    /// If a tool is missing or fails, or what it makes is no component.
    pub fn build(&self) -> Result<Built> {
        let begun = Instant::now();
        self.language.tools.iter().try_for_each(|tool| tool.check())?;
        let Build { steps, made, form } = (self.language.build)(self)?;
        steps.iter().try_for_each(|step| step.run(self))?;
        let made = self.folder.join(made);
        let bytes = fs::read(&made).with_context(|| format!("the build has not left {}", made.display()))?;
        let bytes = match form {
            Form::Typed => dag_wasm::component_of(&bytes)?,
            Form::Preview1Module => dag_wasm::preview1_component(&bytes)?,
        };
        let path = self.component();
        fs::create_dir_all(path.parent().expect("it lies in the project"))?;
        fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        let (size, took) = (output::bytes(bytes.len() as u64), begun.elapsed());
        output::note(&format!("built {} ({size}) in {:.1} s", self.shown(&path), took.as_secs_f64()));
        Ok(Built { path, bytes, took })
    }

    /// A path in the project, as somebody in its folder would write it.
    pub fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}
