//! The languages that operators are written in: per language one file here and one folder `cli/templates/NAME`.
//!
//! A language is data and two functions ([`Language`]): which tools it needs, what of the checkout goes into a project, and which commands build and
//! test it. `dag new`, `dag build`, `dag test` and `dag dev` do the rest alike for all. To add one:
//!
//! 1. `cli/templates/NAME/aggregate` and `cli/templates/NAME/transform`: the files of a new project, as [`template`](crate::project::template) says.
//!    Both have a test of the operator in the language's own manner, a `README.md`, a `dot-gitignore`, and a lock file if the language has one.
//! 2. The SDK's files in `cli/build.rs`, and where they go in a project as an [`SdkFolder`] in `project/embedded.rs`.
//! 3. `languages/NAME.rs` with a `pub const NAME: Language`, and its place in [`ALL`].
//! 4. `docs/operators/NAME.md`, and `NAME` in `tests/languages.rs`, which runs all of that.

mod go;
mod js;
mod python;
mod rust;

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::project::Project;
use crate::project::embedded::SdkFolder;
use crate::project::step::Step;
use crate::project::tool::Tool;

/// All of them, in the order in which they are shown.
pub const ALL: &[&Language] = &[&rust::RUST, &go::GO, &js::JS, &js::TS, &python::PYTHON];

/// What dag knows of a language.
pub struct Language {
    /// What `--lang` and `dag.toml` call it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The folder of `cli/templates` that has its projects.
    pub templates: &'static str,
    /// Words that look like a type's name and are the language's.
    pub words: &'static [&'static str],
    /// What has to be on the PATH for `dag build` and `dag test`, in the order in which it is asked for.
    pub tools: &'static [Tool],
    /// What of the checkout goes into a project's `sdk/`.
    pub sdk: &'static [SdkFolder],
    /// What makes a component of a project. Called in each build, so it may look at what is there already, and leave out steps that are done.
    pub build: fn(&Project) -> Result<Build>,
    /// What runs the project's own unit tests.
    pub test: fn(&Project) -> Result<Vec<Step>>,
    /// What `dag build --setup` does where a tool's own part is missing that a step cannot fetch; nothing for most.
    pub setup: fn() -> Result<()>,
}

/// How a component is made of a project.
pub struct Build {
    /// Run one after the other in the project's folder, each shown before it runs; the first that fails ends the build.
    pub steps: Vec<Step>,
    /// What the last of them leaves.
    pub made: PathBuf,
    /// What that is.
    pub form: Form,
}

/// What a language's tools leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A component, a core module that says itself what component it is, as wit-bindgen makes it, or a guest that says what bridge it needs.
    Typed,
    /// A core module for preview 1 of WASI whose exports are those of both worlds of `wit/`: it becomes a component that imports no WASI.
    Preview1Module,
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Language {
    /// The language of that name.
    pub fn find(name: &str) -> Option<&'static Language> {
        ALL.iter().copied().find(|language| language.name == name)
    }

    /// Nothing has to be set up.
    pub fn no_setup() -> Result<()> {
        Ok(())
    }
}
