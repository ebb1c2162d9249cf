//! An (epoch, index) has one content anywhere, ever, and one append before it.

use dag_replica::{Append, Point};

use super::Truth;

/// An append is written somewhere, behind `prev`.
pub fn check(truth: &mut Truth, prev: Point, append: &Append) -> Result<(), String> {
    let point = append.header.point;
    let (known, before) = truth.contents.entry(point).or_insert_with(|| (append.clone(), prev));
    if known != append {
        return Err(format!("{point} has two contents: {:?} and {:?}", known.header, append.header));
    }
    if *before != prev {
        return Err(format!("{point} follows {before} here and {prev} there"));
    }
    Ok(())
}
