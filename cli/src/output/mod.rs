//! What commands print: text tables, JSON, and bytes on standard output.
//!
//! Names and messages are others' words. All text for people goes through [`text`] or [`note`], in which nothing moves a terminal's cursor.

pub mod positioned;
pub mod records;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::thread;

use dag_model::text::{is_unprintable, printable};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde_json::Value;

use crate::exit::{self, Exit};

/// Writes to standard output and flushes, so that a reader at the other end of a pipe has it now.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// From now on the process ends when the reader of its output goes away, even while there is nothing to write: what nobody reads
/// should not keep a computation running.
pub fn ends_with_its_reader() -> io::Result<()> {
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    thread::Builder::new().name("reader-gone".into()).spawn(move || {
        let gone = PollFlags::ERR | PollFlags::HUP;
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        while let Ok(_) | Err(Errno::INTR) = poll(&mut watched, None) {
            if watched[0].revents().intersects(gone) {
                exit::now(Exit::Done);
            }
        }
    })?;
    Ok(())
}

/// Writes a line to standard error, for people; whether anybody reads it makes no difference to what a command does.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// Prints text that has its line ends.
pub fn text(text: &str) -> io::Result<()> {
    write(harmless(text).as_bytes())
}

/// Prints a line.
pub fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}

/// Prints an answer of the node as it is, for `--json`: characters that a terminal might obey as JSON writes them, too.
pub fn json(value: &Value) -> io::Result<()> {
    write(format!("{}\n", escaped(&format!("{value:#}"))).as_bytes())
}

/// The text, in which nothing but line ends does anything.
fn harmless(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// JSON whose texts have no characters that a terminal might obey.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match is_unprintable(character) && character != '\n' {
            true => escaped.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            false => escaped.push(character),
        }
    }
    escaped
}

/// Rows under a heading, aligned to the widest cell of each column.
pub struct Listing {
    rows: Vec<Vec<String>>,
}

impl Listing {
    /// A listing with these headings.
    pub fn new(headings: &[&str]) -> Listing {
        Listing { rows: vec![headings.iter().map(|heading| heading.to_string()).collect()] }
    }

    /// Adds a row of as many cells as there are headings.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len());
        self.rows.push(cells.iter().map(|cell| printable(cell).into_owned()).collect());
    }

    /// The text, each line ended.
    pub fn render(&self) -> String {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names and values, one a line, for looking at one thing.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    facts.iter().map(|(name, value)| format!("{:width$}  {value}\n", format!("{name}:"), width = width + 1)).collect()
}

/// `1 record`, `2 records`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A number of bytes as people read it: `4.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_aligns_its_columns() {
        let mut listing = Listing::new(&["NAME", "RECORDS"]);
        listing.row(vec!["avg(cpu_util,5m)".into(), "12".into()]);
        assert_eq!(listing.render(), "NAME              RECORDS\navg(cpu_util,5m)  12\n");
    }

    #[test]
    fn names_of_others_do_nothing_to_a_terminal() {
        let mut listing = Listing::new(&["NAME", "STATE"]);
        listing.row(vec!["a\nb\u{1b}[2J".into(), "open".into()]);
        assert_eq!(listing.render(), "NAME           STATE\na\\nb\\u{1b}[2J  open\n");
        assert_eq!(harmless("one\n  two\u{9b}\r\n"), "one\n  two\\u{9b}\\r\n");
        let value = serde_json::json!({"name": "\u{1b}\u{9b}\u{202e}é"});
        let text = escaped(&format!("{value:#}"));
        assert!(!text.contains(|char| is_unprintable(char) && char != '\n'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn sizes_are_shown_in_binary_units() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(4404019), "4.2 MiB");
    }
}
