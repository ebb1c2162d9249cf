//! A program that a language needs.

use std::fmt;
use std::io;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// A program that has to be on the PATH.
#[derive(Debug)]
pub struct Tool {
    /// What it is called there.
    pub program: &'static str,
    /// What makes it print its version, the first number with dots in whose output is taken for it.
    pub version: &'static [&'static str],
    /// The least version that does.
    pub least: Version,
    /// The first version that does not any more, where there is one.
    pub below: Option<Version>,
    /// What it is needed for.
    pub purpose: &'static str,
    /// How to get it.
    pub how_to_get: &'static str,
}

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Tool {
    /// Makes sure that it is there, in a version that does.
    ///
    /// # Errors
    /// If it is not; the message says how to get it.
    pub fn check(&self) -> Result<()> {
        let Tool { program, purpose, how_to_get, .. } = self;
        let printed = Command::new(program).args(self.version).stdin(Stdio::null()).output();
        let printed = match printed {
            Ok(printed) if printed.status.success() => printed,
            Ok(printed) => {
                let said = String::from_utf8_lossy(&printed.stderr);
                bail!("`{program}`, which {purpose}, does not tell its version: {}\n{how_to_get}", said.trim());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("`{program}` is not on your PATH, and {purpose}\n{how_to_get}")
            }
            Err(error) => bail!("`{program}`, which {purpose}, cannot be run: {error}\n{how_to_get}"),
        };
        let text = String::from_utf8_lossy(&printed.stdout);
        let Some(found) = version_in(&text) else {
            bail!("`{program} {}` prints no version: {}", self.version.join(" "), text.trim());
        };
        if found < self.least || self.below.is_some_and(|below| found >= below) {
            let to = self.below.map(|below| format!(" and below {below}")).unwrap_or_default();
            bail!("`{program}` is of version {found}; it takes {} or later{to}\n{how_to_get}", self.least);
        }
        Ok(())
    }
}

/// Why a program did not start.
pub fn not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not there"),
        _ => format!("`{program}` cannot be run: {error}"),
    }
}

/// The first two numbers of the first thing in that text that looks like a version.
fn version_in(text: &str) -> Option<Version> {
    let words = text.split(|character: char| !character.is_ascii_digit() && character != '.');
    words
        .filter_map(|word| {
            let mut numbers = word.split('.').map(|number| number.parse().ok());
            Some(Version(numbers.next()??, numbers.next()??))
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        assert_eq!(version_in("go version go1.26.8 linux/amd64"), Some(Version(1, 26)));
        assert_eq!(version_in("v20.20.2\n"), Some(Version(20, 20)));
        assert_eq!(version_in("Python 3.11.7"), Some(Version(3, 11)));
        assert_eq!(version_in("cargo 1.95.0 (abc 2026-01-01)"), Some(Version(1, 95)));
        assert_eq!(version_in("none"), None);
    }

    const NOWHERE: Tool = Tool {
        program: "dag-no-such-program",
        version: &["--version"],
        least: Version(1, 0),
        below: None,
        purpose: "nothing is built without it",
        how_to_get: "get it at https://example.org",
    };

    #[test]
    fn what_is_missing_is_said_with_how_to_get_it() {
        let error = NOWHERE.check().unwrap_err().to_string();
        assert!(error.contains("not on your PATH") && error.contains("https://example.org"), "{error}");
        let old = Tool { program: "cargo", least: Version(99, 0), ..NOWHERE };
        assert!(old.check().unwrap_err().to_string().contains("99.0 or later"));
    }
}
