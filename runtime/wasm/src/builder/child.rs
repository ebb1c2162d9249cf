//! The process that builds one component: what it does from its start to its end.

use std::io::{self, Read};
use std::thread;

use super::wire::{self, Request};
use super::{STACK, sandbox};
use crate::runtime::{Runtime, RuntimeOptions};

/// Why nothing was built, where that is nobody's fault who sent something.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads a request from standard input, builds what it asks for, and writes the answer to standard output.
pub fn run() -> Result<(), Failure> {
    let (request, length) = Request::read(&mut io::stdin().lock())?;
    sandbox::limit(&request)?;
    // Whoever recurses has this much to do it in, whatever the system gives to a process.
    let building =
        thread::Builder::new().name("build".into()).stack_size(STACK).spawn(move || build(&request, length))?;
    building.join().map_err(|_| "it panicked")?
}

fn build(request: &Request, length: usize) -> Result<(), Failure> {
    let runtime = Runtime::new(RuntimeOptions { threads: false, ..RuntimeOptions::default() })?;
    sandbox::enter()?;
    let mut bytes = vec![0; length];
    io::stdin().lock().read_exact(&mut bytes)?;
    let answer = runtime.build(&bytes, request.limits).map_err(|error| error.to_string());
    Ok(wire::write_answer(&answer, &bytes, &mut io::stdout().lock())?)
}
