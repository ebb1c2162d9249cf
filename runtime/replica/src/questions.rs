//! What is answered only once a majority has confirmed that this leader leads still: ends, publishers' numbers, and refusals (H1).
//!
//! A *round* is a number in the leader's messages; who answers it had not promised a later epoch when it did. One round serves all who
//! ask before it begins; who asks while it is under way waits for the next.

use std::collections::VecDeque;

use crate::command::{Question, Request, RequestId};

/// What waits for a round.
#[derive(Debug)]
pub enum Asked {
    /// A question.
    Question(Question),
    /// A request that would be refused, which only a leader may say.
    Request(Request),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Questions {
    /// The last round that began; 0 before the first.
    round: u64,
    /// Those that the round serves, and those that wait for the next.
    served: VecDeque<(RequestId, Asked)>,
    waiting: VecDeque<(RequestId, Asked)>,
}

impl Questions {
    /// The round that is under way, or was last.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The round that somebody waits for; 0 if nobody does.
    pub fn asked(&self) -> u64 {
        if self.served.is_empty() { 0 } else { self.round }
    }

    /// Another round begins, whether somebody waits for it or not.
    pub fn raise(&mut self) -> u64 {
        self.round += 1;
        self.round
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.served.len() + self.waiting.len()
    }

    /// Somebody asks.
    pub fn push(&mut self, id: RequestId, asked: Asked) {
        self.waiting.push_back((id, asked));
    }

    /// Begins a round for those who wait, if none is under way.
    pub fn begin(&mut self) {
        if self.served.is_empty() && !self.waiting.is_empty() {
            self.raise();
            self.served = std::mem::take(&mut self.waiting);
        }
    }

    /// A majority has answered this round: those whom it serves.
    pub fn confirmed(&mut self, round: u64) -> VecDeque<(RequestId, Asked)> {
        if round >= self.round { std::mem::take(&mut self.served) } else { VecDeque::new() }
    }

    /// All who wait: there is nothing to answer any more.
    pub fn give_up(&mut self) -> impl Iterator<Item = RequestId> {
        let all = std::mem::take(&mut self.served).into_iter().chain(std::mem::take(&mut self.waiting));
        all.map(|(id, _)| id)
    }
}
