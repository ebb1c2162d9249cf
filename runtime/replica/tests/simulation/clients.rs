//! Publishers, which number their batches and send each again until it is answered, begin anew in a session of their own, and seal the stream
//! when all have sent what they have; and what they were told.

use std::collections::BTreeMap;

use dag_replica::{Index, RequestId};

/// A publisher.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// Which run of it, from 1.
    pub session: u64,
    /// The batch of this session that it sends, from 1; those before are acknowledged.
    pub next: u64,
    /// The last one that it will send.
    pub last: u64,
    /// The session and number of the last batch that was acknowledged.
    pub acknowledged: (u64, u64),
    /// What it waits for.
    pub waits: Option<RequestId>,
}

/// What a request was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A publisher's batch.
    Batch { publisher: usize, session: u64, number: u64 },
    /// The seal, behind all batches.
    Seal,
    /// An entry without records.
    Note,
    /// A trim.
    Trim,
    /// A question for the end, when this had been acknowledged.
    End { acknowledged: Index },
    /// A question for a publisher, when this batch of this session of it had been acknowledged.
    Last { acknowledged: (u64, u64) },
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    pub publishers: Vec<Publisher>,
    /// What is under way.
    pub sent: BTreeMap<RequestId, Sent>,
    /// The last append that anybody was told to be committed.
    pub acknowledged: Index,
    /// Whether the stream is to be sealed in the end, whether somebody tries, and whether it is.
    pub seals: bool,
    pub is_sealing: bool,
    pub is_sealed: bool,
    ids: u64,
}

impl Clients {
    /// So many publishers with so many batches.
    pub fn new(publishers: u64, batches: u64, seals: bool) -> Clients {
        let one = |at| Publisher {
            name: format!("p{at}"),
            session: 1,
            next: 1,
            last: batches,
            acknowledged: (1, 0),
            waits: None,
        };
        Clients { publishers: (0..publishers).map(one).collect(), seals, ..Clients::default() }
    }

    /// Something is sent.
    pub fn send(&mut self, sent: Sent) -> RequestId {
        self.ids += 1;
        let id = RequestId(self.ids);
        self.sent.insert(id, sent);
        id
    }

    /// Whether all batches are acknowledged.
    pub fn have_published(&self) -> bool {
        self.publishers.iter().all(|publisher| publisher.next > publisher.last)
    }

    /// Whether that is so, and the stream is sealed where it was to be.
    pub fn are_done(&self) -> bool {
        self.have_published() && self.is_sealed == self.seals
    }

    /// The session of the publisher of that name.
    pub fn session_of(&self, name: &str) -> u64 {
        self.publishers.iter().find(|publisher| publisher.name == name).map_or(0, |publisher| publisher.session)
    }

    /// A publisher begins anew: from its first batch, in another session. Not once somebody tries to seal the stream.
    pub fn begin_anew(&mut self, publisher: usize) -> bool {
        if self.is_sealing {
            return false;
        }
        let one = &mut self.publishers[publisher];
        (one.session, one.next, one.waits) = (one.session + 1, 1, None);
        true
    }
}
