//! What a file is, what of it is durable, and what may be left of it after a power cut.

/// The unit in which a disk keeps old and new content apart.
const SECTOR: usize = 512;

/// A change since the file was last made durable.
#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(offset, bytes) => {
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate(length) => content.resize(*length, 0),
        }
    }
}

/// The content of a file.
#[derive(Clone, Default)]
pub(crate) struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

impl Content {
    pub(crate) fn now(&self) -> &[u8] {
        &self.now
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write(offset, bytes.to_vec()));
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.change(Change::Truncate(length));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    pub(crate) fn sync(&mut self) {
        self.changes.drain(..).for_each(|change| change.apply(&mut self.durable));
    }

    /// Takes what was written for durable, though it is not and never will be: it is read, and a power cut takes it. The length is kept
    /// in the file system's journal, and not forgotten.
    pub(crate) fn forget(&mut self) {
        self.changes.retain(|change| matches!(change, Change::Truncate(_)));
    }

    /// What a power cut leaves: the length and each sector are as they were after some of the changes, each after
    /// `choose(n)` of its own of the n there were.
    pub(crate) fn cut(&self, choose: &mut impl FnMut(usize) -> usize) -> Content {
        let longest = self.changes.iter().fold(self.durable.len(), |longest, change| match change {
            Change::Write(offset, bytes) => longest.max(offset + bytes.len()),
            Change::Truncate(length) => longest.max(*length),
        });
        let count = self.changes.len();
        let length_after = choose(count + 1);
        let sectors_after: Vec<usize> = (0..longest.div_ceil(SECTOR)).map(|_| choose(count + 1)).collect();
        let mut left = vec![0; longest];
        let mut length = 0;
        let mut content = self.durable.clone();
        for after in 0..=count {
            if after > 0 {
                self.changes[after - 1].apply(&mut content);
            }
            if after == length_after {
                length = content.len();
            }
            for (sector, _) in sectors_after.iter().enumerate().filter(|(_, chosen)| **chosen == after) {
                let range = (sector * SECTOR).min(content.len())..((sector + 1) * SECTOR).min(content.len());
                left[range.clone()].copy_from_slice(&content[range]);
            }
        }
        left.truncate(length);
        Content { durable: left.clone(), now: left, changes: Vec::new() }
    }
}
