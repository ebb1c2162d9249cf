//! Which bodies whoever reads furthest will want next.

use std::collections::VecDeque;

use dag_log::{Log, Reader, Start};

use crate::limits::MAX_BODIES;
use crate::wire::Wanted;

/// A place ahead of the furthest reader. It passes each entry once, unless that reader jumps.
#[derive(Default)]
pub(crate) struct Ahead {
    reader: Option<Reader>,
    /// The sequence after what has been passed.
    to: u64,
    /// The end and the length of each body that has been passed and not been read.
    unread: VecDeque<(u64, usize)>,
    /// The sum of those lengths.
    bytes: usize,
}

impl Ahead {
    /// The next bodies, so that `most` bytes or a little more lie between them and what has been read, which is all before `read`.
    pub(crate) fn more(&mut self, log: &Log, read: u64, most: usize) -> Vec<Wanted> {
        if self.reader.is_none() || read > self.to {
            // What cannot be read here is told to whoever reads it.
            *self = Ahead { reader: log.reader(Start::Sequence(read)).ok(), to: read, ..Ahead::default() };
        }
        while let Some((_, length)) = self.unread.pop_front_if(|(end, _)| *end <= read) {
            self.bytes -= length;
        }
        let mut found = Vec::new();
        let Some(reader) = &mut self.reader else { return found };
        while self.bytes < most
            && found.len() < MAX_BODIES
            && let Ok(Some(entry)) = reader.next()
        {
            self.to = entry.end();
            if entry.count > 0 {
                self.unread.push_back((entry.end(), entry.body_length() as usize));
                self.bytes += entry.body_length() as usize;
                found.push(Wanted::of(&entry));
            }
        }
        found
    }
}
