//! Publishers, which number their batches and send each again until it is answered, and what they were told.

use std::collections::BTreeMap;

use dag_replica::{Index, RequestId};

/// A publisher.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// The batch that it sends, from 1; those before are acknowledged.
    pub next: u64,
    /// The last one that it will send.
    pub last: u64,
    /// What it waits for.
    pub waits: Option<RequestId>,
}

/// What a request was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A publisher's batch.
    Batch { publisher: usize, number: u64 },
    /// An entry without records.
    Note,
    /// A trim.
    Trim,
    /// A question for the end, when this had been acknowledged.
    End { acknowledged: Index },
    /// A question for a publisher, when this batch of it had been acknowledged.
    Last { publisher: usize, acknowledged: u64 },
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    pub publishers: Vec<Publisher>,
    /// What is under way.
    pub sent: BTreeMap<RequestId, Sent>,
    /// The last append that anybody was told to be committed.
    pub acknowledged: Index,
    ids: u64,
}

impl Clients {
    /// So many publishers with so many batches.
    pub fn new(publishers: u64, batches: u64) -> Clients {
        let one = |at| Publisher { name: format!("p{at}"), next: 1, last: batches, waits: None };
        Clients { publishers: (0..publishers).map(one).collect(), ..Clients::default() }
    }

    /// Something is sent.
    pub fn send(&mut self, sent: Sent) -> RequestId {
        self.ids += 1;
        let id = RequestId(self.ids);
        self.sent.insert(id, sent);
        id
    }

    /// Whether all batches are acknowledged.
    pub fn are_done(&self) -> bool {
        self.publishers.iter().all(|publisher| publisher.next > publisher.last)
    }
}
