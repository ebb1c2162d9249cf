//! The process that builds a component, for the targets that start one for each.

use std::process::ExitCode;

fn main() -> ExitCode {
    match dag_wasm::builder::child::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
