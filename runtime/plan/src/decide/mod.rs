//! Deciding: a plan, a request and facts about logs and operators go in, a proposal comes out.
//!
//! It runs anywhere, under no lock, and may take its time. Where what it was decided on has changed by then, the proposal is stale and
//! is decided again.

pub mod demand;
pub mod retention;
mod routing;

pub use demand::{Decision, Holder, demand};
pub use retention::surplus;
