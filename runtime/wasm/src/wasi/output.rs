//! Standard output and standard error: line by line to the node's log.

use wasmtime::component::LinkerInstance;

use super::Asked;
use super::state;
use crate::bindings::host::{Host as _, Level};
use crate::host::Host;
use crate::words;

/// A stream's line that is being written.
pub struct Lines {
    level: Level,
    line: Vec<u8>,
}

impl Lines {
    /// Of lines that are logged at this level.
    pub fn new(level: Level) -> Lines {
        Lines { level, line: Vec::new() }
    }
}

/// Defines a function that answers with a stream; false if there is none of that name.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    let index = match asked.function {
        "get-stdout" => 0,
        "get-stderr" => 1,
        _ => return Ok(false),
    };
    into.func_wrap(asked.function, move |mut store, ()| Ok((state::output(store.data_mut(), index)?,)))?;
    Ok(true)
}

/// Writes to a stream: each line that comes to its end is logged. One that is longer than what is kept of a line goes on as another.
pub fn write(host: &mut Host, index: usize, bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let mut rest = parts.next_back().unwrap_or_default();
    for part in parts {
        append(host, index, part);
        end(host, index);
    }
    append(host, index, std::mem::take(&mut rest));
}

/// Logs what was written to a stream and not brought to the end of its line.
pub fn end(host: &mut Host, index: usize) {
    let lines = &mut host.wasi.lines[index];
    let (level, line) = (lines.level, std::mem::take(&mut lines.line));
    let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
    if line.is_empty() {
        return;
    }
    if level == Level::Warn {
        host.remember(&line);
    }
    host.log(level, line);
}

fn append(host: &mut Host, index: usize, mut part: &[u8]) {
    while !part.is_empty() {
        let line = &mut host.wasi.lines[index].line;
        let (fits, rest) = part.split_at(part.len().min(words::MOST - line.len()));
        line.extend_from_slice(fits);
        if line.len() == words::MOST {
            end(host, index);
        }
        part = rest;
    }
}
