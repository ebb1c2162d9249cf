//! The names in a folder, which of them are durable, and which may be left after a power cut.

use std::collections::BTreeMap;

/// What a name stands for: the number of a file or of a folder.
pub(crate) type Number = usize;

/// Names that change together.
type Change = Vec<(String, Option<Number>)>;

/// The names in a folder.
#[derive(Clone, Default)]
pub(crate) struct Folder {
    now: BTreeMap<String, Number>,
    durable: BTreeMap<String, Number>,
    changes: Vec<Change>,
}

fn apply(change: &Change, names: &mut BTreeMap<String, Number>) {
    for (name, number) in change {
        match number {
            Some(number) => drop(names.insert(name.clone(), *number)),
            None => drop(names.remove(name)),
        }
    }
}

impl Folder {
    pub(crate) fn names(&self) -> &BTreeMap<String, Number> {
        &self.now
    }

    /// Changes what names stand for, all of them or, after a power cut, perhaps none.
    pub(crate) fn change(&mut self, change: Change) {
        apply(&change, &mut self.now);
        self.changes.push(change);
    }

    pub(crate) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.changes.clear();
    }

    /// What a power cut leaves: some of the changes, those for which `choose(2)` is 1.
    pub(crate) fn cut(&self, choose: &mut impl FnMut(usize) -> usize) -> Folder {
        let mut names = self.durable.clone();
        for change in self.changes.iter().filter(|_| choose(2) == 1) {
            apply(change, &mut names);
        }
        Folder { durable: names.clone(), now: names, changes: Vec::new() }
    }
}
