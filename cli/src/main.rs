//! The dag binary.
fn main() {}
