//! Operators in other languages than Rust, from `dag new` to a running stream.
//!
//! [`kit`] builds projects and the examples, [`projects`] goes from a name to a stream, [`agreeing`] compares what the languages make of the same records, [`calls`] their memory,
//! [`telling`] is what `dag test --json` says, and [`wrong`] what projects are told that cannot be built.

mod agreeing;
mod calls;
mod kit;
mod projects;
mod telling;
mod wrong;
