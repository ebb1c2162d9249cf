//! The `dag` binary: arguments, progress, output formats. What it does, it does through a node's HTTP API.
//!
//! Read [`args`], then a command in [`commands`], then [`client`].

mod args;
mod authority;
mod client;
mod clock;
mod commands;
mod duration;
mod exit;
mod folder;
mod host;
mod interrupt;
mod languages;
mod log;
mod output;
mod project;
mod schema;
mod scratch;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// What one thread of a node allocates another frees. Of that glibc's allocator gives little back: after ten times two hundred
/// computations it held three times what was in use. This one has a thread that gives back what is unused for ten seconds.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    exit::report(args::Cli::parse().run()).into()
}
