//! All that an operator can ask of its host: a line in the log, and repeatable randomness.

use std::fmt;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the operator's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// Writes a line to the node's log; [`log!`](crate::log!) is shorter. Natively it goes to standard error.
pub fn log(level: Level, message: fmt::Arguments<'_>) {
    #[cfg(target_arch = "wasm32")]
    crate::wasm::log(level, &message.to_string());
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// Sixty-four bits from a generator that is seeded from the computation: the same in every run of it.
///
/// Natively it is the harness's generator, which starts anew with every run of an operator there.
pub fn random() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return crate::wasm::random();
    #[cfg(not(target_arch = "wasm32"))]
    crate::harness::random()
}

/// Writes a formatted line to the node's log: `log!(Level::Warn, "no rule for {host}")`.
#[macro_export]
macro_rules! log {
    ($level:expr, $($message:tt)+) => {
        $crate::host::log($level, ::std::format_args!($($message)+))
    };
}
