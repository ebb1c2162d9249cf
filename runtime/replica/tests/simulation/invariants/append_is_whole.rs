//! No append is seen in part.

use dag_replica::Append;

use super::Truth;

/// An append is shown, or found on a disk.
pub fn check(truth: &Truth, append: &Append) -> Result<(), String> {
    let point = append.header.point;
    match truth.contents.get(&point) {
        Some((whole, _)) if whole.body == append.body => Ok(()),
        Some((whole, _)) => Err(format!("of {point}, {:?} are seen of {:?}", append.body, whole.body)),
        None => Err(format!("{point} is seen, and nobody wrote it")),
    }
}
