//! What was called committed once stays, with records or without (C1), and nobody shows anything else in its place.

use dag_replica::Append;

use super::Truth;

/// An append is shown as committed. Says whether it is so for the first time, which is a leader's right.
pub fn check(truth: &mut Truth, append: &Append, leads: bool) -> Result<bool, String> {
    let point = append.header.point;
    match truth.get(point.index) {
        Some(known) if known == append => Ok(false),
        Some(known) => Err(format!("{} was committed, and {point} is shown in its place", known.header.point)),
        None if !leads => Err(format!("{point} is shown by a follower, and no leader has committed it")),
        None if point.index != truth.end().next() => Err(format!("{point} is committed behind {}", truth.end())),
        None => {
            truth.committed.push(append.clone());
            Ok(true)
        }
    }
}
