//! What the author of an operator in Rust uses.
