//! What a component imports, and how that is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::load::INTERFACE_VERSION;

/// How an import is answered. Persisted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// By dag's own interface.
    Host,
    /// By a counter.
    Clock,
    /// By the seeded generator.
    Random,
    /// By lines in the node's log.
    Log,
    /// As if there were nothing there.
    Empty,
    /// By streams and polling, for what else is answered.
    Streams,
    /// A call ends the instance.
    Ends,
    /// A call ends the instance, with the reason that nothing is there.
    Refused,
}

impl Answer {
    /// A plain sentence's end: what an operator gets there.
    pub fn says(self) -> &'static str {
        match self {
            Answer::Host => "a line in the node's log, and the seeded generator",
            Answer::Clock => "a counter that moves on with each look and says nothing about time",
            Answer::Random => "the generator that is seeded for each computation, the same in every run",
            Answer::Log => "lines in the node's log",
            Answer::Empty => "nothing is there: no environment, no arguments, no input, no terminal, no files",
            Answer::Streams => "streams and waiting, for what else is answered; nobody waits for the counter",
            Answer::Ends => "a call ends the instance",
            Answer::Refused => "a call ends the instance with an error: an operator has no network",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Host => "host",
            Answer::Clock => "clock",
            Answer::Random => "random",
            Answer::Log => "log",
            Answer::Empty => "empty",
            Answer::Streams => "streams",
            Answer::Ends => "ends",
            Answer::Refused => "refused",
        })
    }
}

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// With the version that it asks for: `wasi:clocks/monotonic-clock@0.2.9`.
    pub name: String,
    /// How it is answered.
    pub answer: Answer,
}

/// How an import of that name is answered; none if nothing answers it.
pub fn of(name: &str) -> Option<Import> {
    let (interface, version) = name.split_once('@')?;
    let answer = match interface {
        "dag:operator/host" if version == INTERFACE_VERSION => Answer::Host,
        _ if is_answered(version) => answer(interface)?,
        _ => return None,
    };
    Some(Import { name: name.to_owned(), answer })
}

/// Whether a version of WASI is one that is answered: 0.2 with whatever number behind it.
fn is_answered(version: &str) -> bool {
    let patch = version.strip_prefix("0.2.");
    patch.is_some_and(|patch| matches!(patch.len(), 1..=5) && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

fn answer(interface: &str) -> Option<Answer> {
    Some(match interface {
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => Answer::Clock,
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => Answer::Random,
        "wasi:cli/stdout" | "wasi:cli/stderr" => Answer::Log,
        "wasi:io/error" | "wasi:io/poll" | "wasi:io/streams" => Answer::Streams,
        "wasi:cli/environment"
        | "wasi:cli/stdin"
        | "wasi:cli/terminal-input"
        | "wasi:cli/terminal-output"
        | "wasi:cli/terminal-stdin"
        | "wasi:cli/terminal-stdout"
        | "wasi:cli/terminal-stderr"
        | "wasi:filesystem/preopens"
        | "wasi:filesystem/types" => Answer::Empty,
        "wasi:cli/exit" => Answer::Ends,
        _ if interface.starts_with("wasi:sockets/") || interface.starts_with("wasi:http/") => Answer::Refused,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_is_answered_under_each_version_of_0_2() {
        for version in ["0.2.0", "0.2.9", "0.2.12"] {
            let import = of(&format!("wasi:clocks/wall-clock@{version}")).expect("it is answered");
            assert_eq!(import.answer, Answer::Clock);
        }
        for other in ["0.2", "0.2.", "0.3.0", "0.2.0-rc-2023-11-10", "1.0.0", "0.2.123456"] {
            assert_eq!(of(&format!("wasi:clocks/wall-clock@{other}")), None, "{other}");
        }
        for other in
            ["wasi:clocks/wall-clock", "wasi:keyvalue/store@0.2.0", "acme:db/api@0.2.0", "dag:operator/host@0.2.0"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn an_answer_is_called_the_same_where_it_is_kept_and_where_it_is_shown() {
        let all = [
            Answer::Host,
            Answer::Clock,
            Answer::Random,
            Answer::Log,
            Answer::Empty,
            Answer::Streams,
            Answer::Ends,
            Answer::Refused,
        ];
        for answer in all {
            assert_eq!(serde_json::to_string(&answer).unwrap(), format!("\"{answer}\""));
        }
    }
}
