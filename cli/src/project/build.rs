//! From a project to its component.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use super::Project;
use crate::languages::{Build, Form};
use crate::output;

impl Project {
    /// Builds the component, with the language's own tools, and tells where it is.
    ///
    /// # Errors
    /// If a tool is missing or fails, or what it makes is no component.
    pub fn build(&self) -> Result<PathBuf> {
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
        let component = self.component();
        fs::create_dir_all(component.parent().expect("it lies in the project"))?;
        fs::write(&component, &bytes).with_context(|| format!("cannot write {}", component.display()))?;
        let (size, took) = (output::bytes(bytes.len() as u64), begun.elapsed().as_secs_f64());
        output::note(&format!("built {} ({size}) in {took:.1} s", self.shown(&component)));
        Ok(component)
    }

    /// A path in the project, as somebody in its folder would write it.
    pub fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}
