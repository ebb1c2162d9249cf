//! A command of a language's tools.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::Project;
use super::tool;
use crate::output;

/// A command that is run in a project's folder.
#[derive(Clone, Debug)]
pub struct Step {
    /// The program: a name that is looked for on the PATH, or a path.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What it finds in its environment besides what dag found in its own.
    pub environment: Vec<(&'static str, OsString)>,
    /// Where it runs, from the project's folder.
    pub folder: PathBuf,
    /// What to say where it fails, besides its exit code; nothing for most.
    pub hint: Option<String>,
}

impl Step {
    /// The program with these arguments.
    pub fn new<A: Into<OsString>>(program: impl Into<OsString>, arguments: impl IntoIterator<Item = A>) -> Step {
        Step {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            folder: PathBuf::new(),
            hint: None,
        }
    }

    /// With one more variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Step {
        self.environment.push((name, value.into()));
        self
    }

    /// With that said where it fails.
    #[must_use]
    pub fn or_else(mut self, hint: impl Into<String>) -> Step {
        self.hint = Some(hint.into());
        self
    }

    /// As a shell would be told to do the same.
    pub fn shown(&self) -> String {
        let environment =
            self.environment.iter().map(|(name, value)| format!("{name}={}", quoted(&value.to_string_lossy())));
        let words = std::iter::once(&self.program).chain(&self.arguments).map(|word| quoted(&word.to_string_lossy()));
        environment.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Shows the command and runs it; what it prints is shown, too.
    ///
    /// # Errors
    /// If it cannot be run, or fails.
    pub fn run(&self, project: &Project) -> Result<()> {
        output::note(&format!("+ {}", self.shown()));
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(project.folder.join(&self.folder)).stdin(Stdio::null());
        // Standard output is for what dag itself has to say.
        command.stdout(std::io::stderr());
        let status = match command.status() {
            Ok(status) => status,
            Err(error) => bail!(tool::not_started(&self.program.to_string_lossy(), &error)),
        };
        if status.success() {
            return Ok(());
        }
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        bail!("`{}` failed ({status}); what is wrong stands above{hint}", self.program.to_string_lossy())
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_a_shell_takes_it() {
        let step = Step::new("go", ["build", "-ldflags=-s -w", "it's"]).with("GOOS", "wasip1");
        assert_eq!(step.shown(), r"GOOS=wasip1 go build '-ldflags=-s -w' 'it'\''s'");
    }
}
