//! Finds where records end in NDJSON and CSV text.
//!
//! A record ends at a line end; in CSV not at one within quotes. A quote that is never closed would make one record of all that
//! follows, so a record that is still within quotes after [`MAX_LINE`] bytes, or at the end of the input, is cut after its
//! first line, and what follows is read as lines of their own.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::MAX_LINE;

/// One record's place in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its text without the line end.
    pub text: Range<usize>,
    /// Where the next record begins.
    pub end: usize,
    /// How many lines it takes up.
    pub lines: u64,
    /// Why it cannot be read, if so.
    pub flaw: Option<Flaw>,
}

impl Piece {
    /// Whether it is a line without a record.
    pub fn is_blank(&self, buffer: &[u8]) -> bool {
        buffer[self.text.clone()].trim_ascii().is_empty()
    }
}

/// What makes a record unreadable whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("the line is longer than {MAX_LINE} bytes")]
    TooLong,
    #[error("a quote opens a field and does not close within {MAX_LINE} bytes or before the end")]
    Unclosed,
}

/// Goes through a buffer that may grow at its end. Offsets are the buffer's.
#[derive(Clone, Debug)]
pub(crate) struct Cutter {
    /// Whether line ends within quotes are part of a field.
    quotes: bool,
    /// Where the record begins.
    start: usize,
    /// How far it has been looked through.
    at: usize,
    /// Whether `at` is within quotes.
    quoted: bool,
    /// The record's first line end, within quotes.
    first_line_end: Option<usize>,
    /// How many line ends it has within quotes.
    line_ends: u64,
    /// All line ends up to here have been passed within a quote that does not close: a record that begins on one of these lines
    /// and is within quotes at its first line end is then known not to end either. Without this, text could be made that is
    /// looked through a megabyte at a time for each of its lines.
    unclosed_until: usize,
}

impl Cutter {
    pub fn new(quotes: bool) -> Cutter {
        Cutter { quotes, start: 0, at: 0, quoted: false, first_line_end: None, line_ends: 0, unclosed_until: 0 }
    }

    /// The next record, or none if its end is not in the buffer yet. Once `ended`, the buffer's end is its last record's.
    pub fn next(&mut self, buffer: &[u8], ended: bool) -> Option<Piece> {
        loop {
            let rest = &buffer[self.at..];
            let found = if self.quotes { memchr2(b'\n', b'"', rest) } else { memchr(b'\n', rest) };
            let found = found.map_or(buffer.len(), |offset| self.at + offset);
            let too_long = found - self.start > MAX_LINE;
            match (buffer.get(found), self.first_line_end) {
                (_, Some(end)) if too_long => return Some(self.unclosed(buffer, end, found)),
                (Some(b'\n'), None) if too_long => return Some(self.piece(buffer, found, Some(Flaw::TooLong))),
                (Some(_), None) if too_long => self.at = found + 1,
                (Some(b'\n'), _) if !self.quoted => return Some(self.piece(buffer, found, None)),
                (Some(b'\n'), _) if found < self.unclosed_until => {
                    return Some(self.unclosed(buffer, found, self.unclosed_until));
                }
                (Some(b'\n'), first) => {
                    self.first_line_end = first.or(Some(found));
                    self.line_ends += 1;
                    self.at = found + 1;
                }
                (Some(_), _) if !self.quoted => {
                    self.quoted = self.field_begins(buffer, found);
                    self.at = found + 1;
                }
                (Some(_), _) => match buffer.get(found + 1) {
                    Some(b'"') => self.at = found + 2,
                    None if !ended => {
                        self.at = found;
                        return None;
                    }
                    _ => {
                        self.quoted = false;
                        self.at = found + 1;
                    }
                },
                (None, first) => {
                    self.at = found;
                    return match first {
                        _ if !ended || found == self.start => None,
                        Some(end) if self.quoted => Some(self.unclosed(buffer, end, found)),
                        _ if too_long => Some(self.piece(buffer, found, Some(Flaw::TooLong))),
                        _ => Some(self.piece(buffer, found, self.quoted.then_some(Flaw::Unclosed))),
                    };
                }
            }
        }
    }

    /// Where the record that has not ended begins.
    pub fn pending(&self) -> usize {
        self.start
    }

    /// Of a line that is too long already, drops what follows the first `MAX_LINE + 1` bytes, which are enough to tell so.
    pub fn shorten(&mut self, buffer: &mut Vec<u8>) {
        if self.first_line_end.is_none() && buffer.len() - self.start > MAX_LINE + 1 && self.at == buffer.len() {
            buffer.truncate(self.start + MAX_LINE + 1);
            self.at = buffer.len();
        }
    }

    /// Tells that the buffer's first `count` bytes, all before the record that has not ended, are gone.
    pub fn forget(&mut self, count: usize) {
        self.start -= count;
        self.at -= count;
        self.first_line_end = self.first_line_end.map(|end| end - count);
        self.unclosed_until = self.unclosed_until.saturating_sub(count);
    }

    /// Whether a quote at `offset` opens a field: elsewhere in an unquoted field it is a character like any other.
    fn field_begins(&self, buffer: &[u8], offset: usize) -> bool {
        offset == self.start || buffer[offset - 1] == b',' || buffer[self.start..offset] == *BYTE_ORDER_MARK
    }

    /// Ends the record at `line_end`, where a `\n` or the buffer's end is.
    fn piece(&mut self, buffer: &[u8], line_end: usize, flaw: Option<Flaw>) -> Piece {
        let carriage_return = line_end > self.start && buffer[line_end - 1] == b'\r';
        let text = self.start..line_end - usize::from(carriage_return);
        let end = (line_end + 1).min(buffer.len());
        let lines = self.line_ends + 1;
        (self.start, self.at) = (end, end);
        (self.quoted, self.first_line_end, self.line_ends) = (false, None, 0);
        Piece { text, end, lines, flaw }
    }

    /// Cuts the record after its first line and goes back there, knowing that up to `until` no quote closes.
    fn unclosed(&mut self, buffer: &[u8], first_line_end: usize, until: usize) -> Piece {
        self.line_ends = 0;
        self.unclosed_until = until;
        self.piece(buffer, first_line_end, Some(Flaw::Unclosed))
    }
}

/// What some programs put before UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &[u8; 3] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(quotes: bool, text: &str) -> Vec<(&str, u64, Option<Flaw>)> {
        let mut cutter = Cutter::new(quotes);
        std::iter::from_fn(|| cutter.next(text.as_bytes(), true))
            .map(|piece| (&text[piece.text], piece.lines, piece.flaw))
            .collect()
    }

    #[test]
    fn a_line_end_within_quotes_does_not_end_a_csv_record() {
        assert_eq!(
            pieces(true, "a,\"b\n\"\"c\r\n\"\r\nd\"e,\nf"),
            [("a,\"b\n\"\"c\r\n\"", 3, None), ("d\"e,", 1, None), ("f", 1, None)]
        );
        assert_eq!(pieces(false, "\"a\nb\""), [("\"a", 1, None), ("b\"", 1, None)]);
    }

    #[test]
    fn an_unclosed_quote_costs_its_own_line_only() {
        assert_eq!(
            pieces(true, "a\n\"b\nc\nd"),
            [("a", 1, None), ("\"b", 1, Some(Flaw::Unclosed)), ("c", 1, None), ("d", 1, None)]
        );
    }

    #[test]
    fn an_unclosed_quote_costs_no_more_than_a_megabyte() {
        let text = format!("\"a\n{}\"b\"\n", "c\n".repeat(MAX_LINE / 2));
        let pieces = pieces(true, &text);
        assert_eq!(pieces[0], ("\"a", 1, Some(Flaw::Unclosed)));
        assert_eq!(pieces.len(), MAX_LINE / 2 + 2);
        assert!(pieces[1..].iter().all(|piece| piece.2.is_none()));
    }

    #[test]
    fn quotes_that_reopen_on_every_line_are_looked_through_twice_at_most() {
        let text = "a\",\"\n".repeat(MAX_LINE);
        assert!(pieces(true, &text).iter().all(|piece| piece.2 == Some(Flaw::Unclosed)));
    }

    #[test]
    fn a_line_beyond_the_limit_is_cut_at_its_end_whatever_its_quotes() {
        let text = format!("{}\n\"{}\nb", "a".repeat(MAX_LINE), "a".repeat(MAX_LINE));
        let flaws: Vec<_> = pieces(true, &text).iter().map(|piece| piece.2).collect();
        assert_eq!(flaws, [None, Some(Flaw::TooLong), None]);
    }
}
