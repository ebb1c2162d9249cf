//! The log of a node on standard error, one event a line.
//!
//! What events tell is often others' words: an operator's, a name. In text these cannot end a line, and so cannot look like another event,
//! nor move a terminal's cursor. JSON sees to that by itself.

use std::io::{self, Write};

use dag_model::text::printable;
use tracing_subscriber::EnvFilter;

/// Writes events that pass the filter as lines of text.
pub fn text(filter: EnvFilter) {
    // Colours would be control characters like any other.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lines(io::stderr()))
        .with_ansi(false)
        .log_internal_errors(false)
        .init();
}

/// Writes events that pass the filter as lines of JSON.
pub fn json(filter: EnvFilter) {
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false).init();
}

/// Takes one event at a time, which ends with a line end.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = printable(text.strip_suffix('\n').unwrap_or(&text));
        self.0.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_tells() {
        let mut written = Vec::new();
        let forged = "INFO said: done\n2026-11-26T10:00:00Z INFO dag_node::serve: stopping\u{1b}[2J\n";
        Lines(&mut written).write_all(forged.as_bytes()).unwrap();
        let line = "INFO said: done\\n2026-11-26T10:00:00Z INFO dag_node::serve: stopping\\u{1b}[2J\n";
        assert_eq!(String::from_utf8(written).unwrap(), line);
    }
}
