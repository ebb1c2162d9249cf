//! Python: an environment of the project's own with componentize-py, by the project's lock file, and the SDK's own build.

use std::path::PathBuf;

use super::js::is_newer;
use super::{Build, Form, Language};
use crate::project::embedded;
use crate::project::step::Step;
use crate::project::tool::{Tool, Version};

/// What runs where the SDK lies.
const PATH: (&str, &str) = ("PYTHONPATH", "sdk/python");

/// Python.
pub const PYTHON: Language = Language {
    name: "python",
    title: "Python",
    templates: "python",
    words: &["None", "True", "False"],
    tools: &[Tool {
        program: "python3",
        version: &["--version"],
        least: Version(3, 10),
        below: None,
        purpose: "operators in Python are built and tested with it",
        how_to_get: "get Python 3.10 or later at https://www.python.org",
    }],
    sdk: embedded::PYTHON,
    build: |project| {
        let program = project.folder.join(".venv/bin/componentize-py");
        let mut steps = Vec::new();
        if !is_newer(&program, &project.folder.join("requirements.txt")) {
            let made = Step::new("python3", ["-m", "venv", "--clear", ".venv"]);
            let fetched = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"];
            let hint = "pip fetches what requirements.txt names from its index, once, and needs the network for that";
            steps.extend([made, Step::new(".venv/bin/python", fetched).or_else(hint)]);
        }
        let build = ["-m", "dag_guest", "build", "operators.py", "-o", "build/guest.wasm"];
        steps.push(Step::new(".venv/bin/python", build).with(PATH.0, PATH.1));
        Ok(Build { steps, made: PathBuf::from("build/guest.wasm"), form: Form::Typed })
    },
    test: |_| Ok(vec![Step::new("python3", ["-m", "unittest"]).with(PATH.0, PATH.1)]),
    setup: Language::no_setup,
};
