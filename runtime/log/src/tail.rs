//! The last segment while its entries are taken in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dag_model::Frontier;

use crate::entry::{self, Code, Header, Newer, Parsed};
use crate::opened::{Opened, damaged, io_error};
use crate::publishers::PublisherRecord;
use crate::scan::Found;
use crate::segment::SegmentHeader;
use crate::writer::Writer;
use crate::{Cut, OpenError};

/// What the entries of a segment come to.
pub(crate) struct Tail {
    pub(crate) writer: Writer,
    pub(crate) publishers: BTreeMap<String, PublisherRecord>,
    /// What of it was cut off.
    pub(crate) cut: Option<Cut>,
    /// Where its last entry begins, if that says that the log was closed in good order.
    pub(crate) closed_at: Option<u64>,
    /// Up to which offset an entry says that this segment had been synced when it was written; 0 where none does.
    pub(crate) synced: u64,
    /// The parts so far of an append that has more.
    parts: Vec<Parsed>,
}

impl Tail {
    /// Takes in all whole appends of a segment and cuts what follows them, unless it was promised to somebody.
    pub(crate) fn replay(dir: &Path, opened: &Opened) -> Result<Tail, OpenError> {
        let failed = |source| io_error(&opened.path, source);
        let header = &opened.header;
        let writer = Writer::new(Arc::new(opened.segment(dir)), opened.file.clone(), header);
        let publishers = header.publishers.iter().map(|record| (record.name.clone(), record.clone())).collect();
        let mut tail = Tail { writer, publishers, cut: None, closed_at: None, synced: 0, parts: Vec::new() };
        let mut scan = opened.scan()?;
        let mut offset = opened.start();
        let mut bad = "the other entries of its append are missing".to_owned();
        loop {
            let what = match scan.entry(offset).map_err(failed)? {
                Found::End => break,
                Found::Bad(what) => what,
                Found::Entry(entry) => match tail.misfit(&entry) {
                    Some(what) => what,
                    None => {
                        let end = entry.body.end().offset;
                        tail.take(*entry, offset);
                        offset = end;
                        continue;
                    }
                },
            };
            if let Some(Newer { what, found, reads }) = scan.newer(offset).map_err(failed)? {
                return Err(OpenError::Newer { file: opened.path.clone(), what, found, reads });
            }
            if scan.any((offset + 8)..scan.length(), |entry| entry.header.durable > offset).map_err(failed)? {
                return Err(damaged(&opened.path, offset, what));
            }
            bad = what;
            break;
        }
        if tail.writer.offset < scan.length() {
            opened.file.truncate(tail.writer.offset).map_err(failed)?;
            tail.cut = Some(Cut { file: opened.path.clone(), offset: tail.writer.offset, what: bad });
            tail.parts.clear();
            tail.closed_at = None;
        }
        Ok(tail)
    }

    /// Whether a segment with that header comes after this one.
    pub(crate) fn goes_on_with(&self, header: &SegmentHeader) -> bool {
        let writer = &self.writer;
        self.cut.is_none()
            && header.number == writer.segment.number + 1
            && header.first == writer.sequence
            && header.index == writer.index
            && header.hash == writer.hash.streams
    }

    /// Why an entry can't be the next; none if it can.
    fn misfit(&self, entry: &Parsed) -> Option<String> {
        let header = &entry.header;
        let sequence = self.parts.last().map_or(self.writer.sequence, Parsed::end);
        let index = match self.parts.first() {
            Some(first) => first.header.index,
            None if entry.code == Code::Closed || entry.version < entry::VERSION => self.writer.index,
            None => self.writer.index + 1,
        };
        let fits = header.first == sequence
            && header.index == index
            && header.part as usize == self.parts.len()
            && header.epoch >= self.writer.epoch()
            && self.parts.first().is_none_or(|first| first.header.parts == header.parts);
        (!fits).then(|| {
            format!(
                "part {} of {} at index {} and sequence {} of epoch {}, where part {} at index {index} and sequence \
                 {sequence} was expected",
                header.part + 1,
                header.parts,
                header.index,
                header.first,
                header.epoch,
                self.parts.len() + 1,
            )
        })
    }

    /// Takes in the next entry.
    fn take(&mut self, entry: Parsed, offset: u64) {
        let last = entry.header.part + 1 == entry.header.parts;
        self.synced = self.synced.max(entry.header.durable);
        self.closed_at = (entry.code == Code::Closed).then_some(offset);
        self.parts.push(entry);
        if last {
            for entry in self.parts.drain(..) {
                self.writer.take(&entry);
                let Header { publishers, forgotten, .. } = entry.header;
                self.publishers.extend(publishers.into_iter().map(|record| (record.name.clone(), record)));
                forgotten.iter().for_each(|name| drop(self.publishers.remove(name)));
            }
            if self.writer.frontier == Frontier::Empty {
                self.publishers.values_mut().for_each(|record| record.joined = None);
            }
        }
    }
}
