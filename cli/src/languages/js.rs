//! JavaScript and TypeScript: npm for what the build needs, by the project's lock file, and the SDK's own build.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Build, Form, Language};
use crate::project::Project;
use crate::project::embedded;
use crate::project::step::Step;
use crate::project::tool::{Tool, Version};

/// What both need.
const TOOLS: &[Tool] = &[
    Tool {
        program: "node",
        version: &["--version"],
        least: Version(20, 0),
        below: None,
        purpose: "operators in JavaScript and TypeScript are built and tested with it",
        how_to_get: "get Node.js 20 or later at https://nodejs.org",
    },
    Tool {
        program: "npm",
        version: &["--version"],
        least: Version(9, 0),
        below: None,
        purpose: "it fetches what builds operators in JavaScript and TypeScript",
        how_to_get: "it comes with Node.js, at https://nodejs.org",
    },
];

/// JavaScript.
pub const JS: Language = Language {
    name: "js",
    title: "JavaScript",
    templates: "js",
    words: &[],
    tools: TOOLS,
    sdk: embedded::JS,
    build,
    test,
    setup: Language::no_setup,
};

/// TypeScript.
pub const TS: Language = Language { name: "ts", title: "TypeScript", templates: "ts", ..JS };

fn build(project: &Project) -> Result<Build> {
    let mut steps = installed(&project.folder);
    steps.push(Step::new("npm", ["run", "--silent", "build"]));
    Ok(Build { steps, made: PathBuf::from("build/guest.wasm"), form: Form::Typed })
}

fn test(project: &Project) -> Result<Vec<Step>> {
    let mut steps = installed(&project.folder);
    steps.push(Step::new("npm", ["run", "--silent", "test"]));
    Ok(steps)
}

/// What makes `node_modules` what the lock file says; nothing where it is.
fn installed(folder: &Path) -> Vec<Step> {
    if is_newer(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
        return Vec::new();
    }
    let install = Step::new("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    vec![
        install.or_else(
            "npm fetches what package-lock.json names from its registry, once, and needs the network for that",
        ),
    ]
}

/// Whether the file is there, and was written after the other.
pub(super) fn is_newer(file: &Path, than: &Path) -> bool {
    let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((written(file), written(than)), (Ok(file), Ok(than)) if file >= than)
}
