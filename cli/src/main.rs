//! The `dag` binary: arguments, progress, output formats. What it does, it does through a node's HTTP API.
//!
//! Read [`args`], then a command in [`commands`], then [`client`].

mod args;
mod client;
mod clock;
mod commands;
mod duration;
mod exit;
mod host;
mod interrupt;
mod output;
mod schema;
mod settings;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    exit::report(args::Cli::parse().run()).into()
}
