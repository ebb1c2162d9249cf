//! Go: the stock compiler, for preview 1 of WASI, as a library.

use std::path::PathBuf;

use super::{Build, Form, Language};
use crate::project::embedded;
use crate::project::step::Step;
use crate::project::tool::{Tool, Version};

/// Go.
pub const GO: Language = Language {
    name: "go",
    title: "Go",
    templates: "go",
    words: &[],
    tools: &[Tool {
        program: "go",
        version: &["version"],
        least: Version(1, 26),
        below: None,
        purpose: "operators in Go are compiled with it",
        how_to_get: "get Go 1.26 or later at https://go.dev/dl/",
    }],
    sdk: embedded::GO,
    build: |project| {
        let made = PathBuf::from("build").join(&project.manifest.name).with_extension("core.wasm");
        let flags = ["-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w -buildid="];
        let arguments = std::iter::once("build").chain(flags).map(Into::into);
        let arguments = arguments.chain(["-o".into(), made.clone().into_os_string(), ".".into()]);
        let build = Step::new("go", arguments.collect::<Vec<std::ffi::OsString>>());
        // What is set for other builds must not reach this one; nothing is fetched, for there is nothing to fetch.
        let build =
            build.with("GOOS", "wasip1").with("GOARCH", "wasm").with("GOFLAGS", "-mod=mod").with("GOWORK", "off");
        Ok(Build { steps: vec![build.with("GOTOOLCHAIN", "local")], made, form: Form::Preview1Module })
    },
    test: |_| {
        let test = Step::new("go", ["test", "./..."]).with("GOWORK", "off").with("GOTOOLCHAIN", "local");
        Ok(vec![test])
    },
    setup: Language::no_setup,
};
