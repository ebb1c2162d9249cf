//! CSV (RFC 4180) with a header line.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder, Terminator};

use super::names::Names;
use super::rows::{Problem, Record, Rows};
use super::{Decoded, Decoder};
use crate::BodyError;
use crate::cut::{BYTE_ORDER_MARK, Cutter};
use crate::refusal::header;

pub(super) fn decode(decoder: Decoder<'_>, bytes: &[u8], first_line: u64) -> Result<Decoded, BodyError> {
    let Decoder { schema, time, .. } = decoder;
    let names = Names::new(schema, time);
    let mut records = Records::new(bytes, first_line);
    let header = records.header()?.ok_or_else(|| {
        let columns = schema.fields.iter().map(|field| field.name.as_str());
        BodyError::NoHeader { expected: header(time.names(schema).take(1).chain(columns)) }
    })?;
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let resolved = names.resolve(&header)?;
    let mut rows = Rows::new(decoder, bytes.len())?;
    while let Some((line, text)) = records.next() {
        rows.record(line, &names, |record| read_record(&mut records.fields, text?, &header, &resolved, record))?;
    }
    Ok(rows.finish())
}

/// Appends the fields of one record to the columns.
fn read_record(
    fields: &mut Fields,
    text: &[u8],
    header: &[&str],
    resolved: &[usize],
    record: &mut Record<'_>,
) -> Result<(), Problem> {
    let mut problem = None;
    let count = fields.each(text, |index, field, in_quotes| {
        if problem.is_some() || index >= header.len() {
            return;
        }
        let pushed = match std::str::from_utf8(field) {
            Ok(field) => record.column(resolved[index]).push_field(field, in_quotes),
            Err(_) => Err("not UTF-8".into()),
        };
        problem = pushed.err().map(|misfit| Problem::of_column(header[index], misfit));
    });
    match problem {
        _ if count != header.len() => {
            Err(record.problem(|| format!("expected {} fields as in the header, found {count}", header.len())))
        }
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The records of a body, one after another.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    cutter: Cutter,
    line: u64,
    pub fields: Fields,
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8], first_line: u64) -> Records<'a> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Records { bytes, cutter: Cutter::new(true), line: first_line, fields: Fields::new() }
    }

    /// The next record's line and text, or what is wrong with it.
    pub fn next(&mut self) -> Option<(u64, Result<&'a [u8], Problem>)> {
        loop {
            let piece = self.cutter.next(self.bytes, true)?;
            let line = self.line;
            self.line += piece.lines;
            if !piece.is_blank(self.bytes) {
                let text = &self.bytes[piece.text];
                return Some((line, piece.flaw.map_or(Ok(text), |flaw| Err(Problem::of_record(flaw.to_string())))));
            }
        }
    }

    /// The names of the columns, from the first record; none if there is none.
    pub fn header(&mut self) -> Result<Option<Vec<String>>, BodyError> {
        let Some((_, record)) = self.next() else { return Ok(None) };
        let record = record.map_err(|problem| BodyError::Header { problem: problem.reason })?;
        let text = std::str::from_utf8(record).map_err(|_| BodyError::Header { problem: "not UTF-8".into() })?;
        let mut names = Vec::new();
        self.fields.each(text.as_bytes(), |_, name, _| {
            names.push(String::from_utf8_lossy(name).trim().to_owned());
        });
        Ok(Some(names))
    }
}

/// Cuts a record into fields.
pub(crate) struct Fields {
    reader: Reader,
    /// The fields of a record without their quotes.
    text: Vec<u8>,
}

impl Fields {
    fn new() -> Fields {
        // Records come without their line ends, so a carriage return is a character like any other.
        Fields { reader: ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build(), text: Vec::new() }
    }

    /// Calls `field` with each field's index, its text and whether that was in quotes; returns how many there are.
    pub fn each(&mut self, record: &[u8], mut field: impl FnMut(usize, &[u8], bool)) -> usize {
        self.reader.reset();
        self.text.resize(record.len().max(self.text.len()), 0);
        let (mut rest, mut count) = (record, 0);
        let mut in_quotes = rest.starts_with(b"\"");
        let mut length = 0;
        loop {
            let (result, read, written) = self.reader.read_field(rest, &mut self.text[length..]);
            rest = &rest[read..];
            length += written;
            match result {
                // An empty input tells the reader that the last field has ended.
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::Field { record_end } => {
                    field(count, &self.text[..length], in_quotes);
                    count += 1;
                    if record_end {
                        return count;
                    }
                    length = 0;
                    in_quotes = rest.starts_with(b"\"");
                }
                ReadFieldResult::OutputFull => unreachable!("fields are no longer than their record"),
                ReadFieldResult::End => return count,
            }
        }
    }
}
