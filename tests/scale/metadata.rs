//! How many changes of the metadata a node takes while many ask for one, and how many share a sync.

use std::time::Instant;

use dag_tests::{Node, crew};

use crate::counts::Counts;
use crate::size::Size;

/// How many ask at a time.
const CLIENTS: usize = 64;

/// Lets each client change what becomes of a derived stream's failures, back and forth so many times, and prints how many changes there were a
/// second.
pub fn changes(node: &Node, counts: &Counts, size: Size) {
    let each = if size == Size::WHOLE { 100 } else { 10 };
    let from = counts.end(node);
    let begun = Instant::now();
    crew::scope(|crew| {
        for client in 0..CLIENTS {
            let http = node.http().clone();
            crew.spawn(format!("client {client}"), move || {
                for change in 0..each {
                    let to = if change % 2 == 0 { r#"{"on_error": "skip"}"# } else { r#"{"on_error": "stop"}"# };
                    let answer = http.patch(&format!("streams/avg(s0,{}s)", client + 11), to);
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    let (took, made) = (begun.elapsed(), CLIENTS * each);
    let counted = counts.since(node, from);
    println!(
        "{made} changes of the metadata by {CLIENTS} clients: {:.0} a second; {counted}",
        made as f64 / took.as_secs_f64()
    );
    let syncs = counted.of("metadata sync");
    assert!(syncs > 0 && syncs < made as u64, "{syncs} syncs for {made} changes");
}
