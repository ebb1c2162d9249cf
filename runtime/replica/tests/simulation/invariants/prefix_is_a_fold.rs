//! The publishers' table, the last mark and the trim equal the fold over the committed prefix.

use dag_replica::Prefix;

use super::Truth;

/// What a replica says of its prefix.
pub fn check(truth: &mut Truth, prefix: &Prefix) -> Result<(), String> {
    while truth.folded.len() <= truth.committed.len() {
        let mut next = truth.folded.last().cloned().unwrap_or_default();
        next.fold(&truth.committed[truth.folded.len() - 1].header);
        truth.folded.push(next);
    }
    let folded = usize::try_from(prefix.at.0).ok().and_then(|at| truth.folded.get(at));
    match folded {
        Some(folded) if folded == prefix => Ok(()),
        _ => Err(format!("a prefix is taken for {prefix:?}, and is {folded:?}")),
    }
}
