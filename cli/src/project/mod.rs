//! A folder with an operator's source: what `dag new` makes, and `dag build`, `dag test` and `dag dev` work in.
//!
//! Read [`Project`], then [`embedded`] and [`template`] (what it is made of), [`tool`] and [`step`] (how it is built), and a language in
//! [`crate::languages`].

pub mod build;
pub mod compute;
pub mod embedded;
pub mod step;
pub mod template;
pub mod tool;
pub mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use serde::Deserialize;

use crate::languages::{self, Language};

/// What says that a folder is a project, and what in it is for dag.
pub const MANIFEST: &str = "dag.toml";

/// A project on disk.
pub struct Project {
    /// Where it lies.
    pub folder: PathBuf,
    /// What its `dag.toml` says.
    pub manifest: Manifest,
    /// The language that it is written in.
    pub language: &'static Language,
}

/// `dag.toml`: what the tools of the language do not say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the component's file is called: `build/NAME.wasm`.
    pub name: String,
    /// The language, as `--lang` calls it.
    pub language: String,
    /// Which world the operator is written for.
    pub kind: Kind,
}

/// The worlds of `wit/`, as people choose between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Folds values; dag does windows, keys and `by=`
    Aggregate,
    /// From records to records
    Transform,
}

impl Kind {
    /// As it is written, and as the world of `wit/` is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Aggregate => "aggregate",
            Kind::Transform => "transform",
        }
    }
}

impl Manifest {
    /// As it is written.
    pub fn text(&self) -> String {
        let Manifest { name, language, kind } = self;
        format!("name = \"{name}\"\nlanguage = \"{language}\"\nkind = \"{}\"\n", kind.name())
    }
}

impl Project {
    /// The project that has `inside` in it.
    ///
    /// # Errors
    /// If no folder above has a `dag.toml`, or that says something that this binary does not know.
    pub fn find(inside: &Path) -> Result<Project> {
        let inside = fs::canonicalize(inside).with_context(|| format!("cannot look at {}", inside.display()))?;
        let folder = inside.ancestors().find(|folder| folder.join(MANIFEST).is_file());
        let folder = folder.ok_or_else(|| {
            anyhow!(
                "there is no {MANIFEST} in {} or above it: `dag new NAME` makes a project, and this command runs in it",
                inside.display()
            )
        })?;
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Manifest = toml::from_str(&text).with_context(|| format!("{} makes no sense", path.display()))?;
        let Some(language) = Language::find(&manifest.language) else {
            let known: Vec<_> = languages::ALL.iter().map(|language| language.name).collect();
            bail!("{}: this dag knows no language `{}`, only {}", path.display(), manifest.language, known.join(", "));
        };
        if !is_name(&manifest.name) {
            bail!("{}: `{}` cannot be a component's file: {NAME_RULE}", path.display(), manifest.name);
        }
        Ok(Project { folder: folder.to_owned(), manifest, language })
    }

    /// Where its component is built.
    pub fn component(&self) -> PathBuf {
        self.folder.join("build").join(&self.manifest.name).with_extension("wasm")
    }
}

/// What a project can be called.
pub const NAME_RULE: &str = "a name is of lower-case letters, digits, `_` and `-`, a letter first, at most 40";

/// Whether a project can be called that: it is a component's, a crate's, a module's and a package's name.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    name.len() <= 40 && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed)
}
