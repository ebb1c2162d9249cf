//! Writing in groups: all changes that come while one write is under way share the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::metadata::MetaError;

/// A change of a cursor that may be lost if the node ends.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the cursor may not be durable: {0}")]
pub struct NotKept(#[source] pub Arc<MetaError>);

/// Whether a change is durable; if not, why.
pub type Outcome = Result<(), NotKept>;

/// What is to be written next, and who waits for that.
#[derive(Default)]
pub struct Group {
    changed: BTreeSet<String>,
    waiting: Vec<oneshot::Sender<Outcome>>,
    writing: bool,
}

/// A group that is taken to be written.
pub struct Taken {
    /// What has changed.
    pub changed: BTreeSet<String>,
    waiting: Vec<oneshot::Sender<Outcome>>,
}

impl Group {
    /// Takes in a change. Answers what resolves once it is durable, and whether a writer has to be started.
    pub fn add(&mut self, name: &str) -> (oneshot::Receiver<Outcome>, bool) {
        let (done, kept) = oneshot::channel();
        self.changed.insert(name.to_owned());
        self.waiting.push(done);
        (kept, !std::mem::replace(&mut self.writing, true))
    }

    /// What the writer writes next; none where it is to end.
    pub fn take(&mut self) -> Option<Taken> {
        self.writing = !self.changed.is_empty();
        let taken = Taken { changed: std::mem::take(&mut self.changed), waiting: std::mem::take(&mut self.waiting) };
        self.writing.then_some(taken)
    }
}

impl Taken {
    /// Tells those who wait how it went.
    pub fn done(self, result: &Outcome) {
        for waiting in self.waiting {
            // An error means that whoever waited is gone.
            let _ = waiting.send(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_during_a_write_shares_the_next_one() {
        let mut group = Group::default();
        let (mut first, start) = group.add("a");
        assert!(start, "nobody writes yet");
        let writing = group.take().unwrap();
        let mut later: Vec<_> = (0..1000).map(|i| group.add(&format!("cursor {}", i % 10))).collect();
        assert!(later.iter().all(|(_, start)| !start), "somebody writes");
        writing.done(&Ok(()));
        assert!(matches!(first.try_recv(), Ok(Ok(()))));
        let next = group.take().unwrap();
        assert_eq!(next.changed.len(), 10);
        assert!(later.iter_mut().all(|(kept, _)| kept.try_recv().is_err()), "not before it is durable");
        let failed = Err(NotKept(Arc::new(MetaError::Newer { file: "meta.redb".into(), found: 99 })));
        next.done(&failed);
        assert!(later.iter_mut().all(|(kept, _)| matches!(kept.try_recv(), Ok(Err(_)))));
        assert!(group.take().is_none());
        assert!(group.add("a").1, "a new writer");
    }
}
