//! Metadata that an older node wrote, rewritten as this one has it; one file for each format that differs in a row.
//!
//! It happens when the node opens the data, in one transaction. What cannot be read is left as it lies, and told when the rows are read.

mod v1;
mod v4;
mod v5;
mod v6;

use redb::WriteTransaction;
use serde::Serialize;

/// Rewrites what a node of that format wrote; the tables of the present format are there.
pub(super) fn rewrite(transaction: &WriteTransaction, format: u64) -> Result<(), redb::Error> {
    if format == 1 {
        v1::rewrite(transaction)?;
    }
    // 2 says in a source's log from where on it is kept, 3 keeps what components say of themselves, 4 which incarnations have other
    // numbers: in the rows themselves nothing differs.
    if format <= 4 {
        v4::rewrite(transaction)?;
    }
    match format {
        ..=5 => v5::rewrite(transaction),
        _ => v6::rewrite(transaction),
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("these are plain values")
}
