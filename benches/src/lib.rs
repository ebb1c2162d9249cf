//! Measurements against a named peer or limit, as ratios within one run.
//!
//! `benches/aggregate.rs` holds a windowed average against the same by hand, `benches/windows.rs` overlapping windows, keys that come once and wide records against the plainest native way, `benches/log.rs` the stream log against plain files, `benches/recovery.rs` computations with
//! snapshots against those without, and
//! `benches/pipe.rs` the whole engine against the decoding of its input. `benches/transport.rs` holds what goes between nodes against TCP. [`readings`] is what they work on, [`computation`] what the engine is given, [`comparison`] how they measure.

pub mod comparison;
pub mod computation;
pub mod readings;
