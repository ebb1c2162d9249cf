//! What became of the records, counted.

use dag_api::Published;
use dag_codec::Refusal;
use serde_json::{Value, json};

use crate::output::count;

/// How many refused lines are shown; the others are only counted.
const SHOWN: u64 = 1_000;

/// What became of the records that were sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Those that were on time.
    pub on_time: u64,
    /// Those that were late, and kept apart.
    pub late: u64,
    /// Those that are not records of the stream.
    pub refused: u64,
    /// Those that an earlier run had sent.
    pub before: u64,
}

impl Summary {
    /// Adds the answer to a request of `records`, and says which refused lines to show.
    pub fn add(&mut self, answer: &Published, records: u64) -> Vec<String> {
        let shown_before = self.refused;
        self.refused += answer.refused;
        self.late += answer.late;
        // The answer to a repeat may count nothing: what it repeats was kept, or refused again.
        self.on_time +=
            if answer.repeat { records.saturating_sub(answer.refused + answer.late) } else { answer.accepted };
        let room = SHOWN.saturating_sub(shown_before) as usize;
        let mut lines: Vec<String> = answer.refusals.iter().take(room).map(refusal).collect();
        if shown_before < SHOWN && self.refused > SHOWN {
            lines.push("more refused lines are not shown".to_owned());
        }
        lines
    }

    /// All that were sent now.
    pub fn sent(&self) -> u64 {
        self.on_time + self.late + self.refused
    }

    /// How many were what.
    pub fn counts(&self) -> String {
        format!("{} on time, {} late, {} refused", self.on_time, self.late, self.refused)
    }

    /// One line for people.
    pub fn text(&self, stream: &str) -> String {
        let of_sent = if self.refused > 0 { format!("{} of ", self.on_time + self.late) } else { String::new() };
        let sent = count(self.sent(), "record");
        let mut text = format!("published {of_sent}{sent} to {stream}: {}", self.counts());
        if self.before > 0 {
            text += &format!("; {} were there before", self.before);
        }
        text
    }

    /// The same for programs.
    pub fn json(&self, stream: &str, publisher: &str) -> Value {
        json!({
            "stream": stream, "publisher": publisher, "sent": self.sent(),
            "accepted": self.on_time, "late": self.late, "refused": self.refused, "before": self.before,
        })
    }
}

fn refusal(refusal: &Refusal) -> String {
    match &refusal.column {
        Some(column) => format!("line {}, column {column}: {}", refusal.line, refusal.reason),
        None => format!("line {}: {}", refusal.line, refusal.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_counted_once() {
        let mut summary = Summary::default();
        let reason = "expected float64, found `abc`".to_owned();
        let refusals = vec![Refusal { line: 17, column: Some("value".to_owned()), reason }];
        let answer = Published { accepted: 93, late: 3, refused: 1, refusals, ..Published::default() };
        assert_eq!(summary.add(&answer, 97), ["line 17, column value: expected float64, found `abc`"]);
        summary.add(&Published { repeat: true, ..Published::default() }, 3);
        assert_eq!(summary.text("x"), "published 99 of 100 records to x: 96 on time, 3 late, 1 refused");
    }
}
