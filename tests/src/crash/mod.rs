//! A workload that goes on while its node is killed again and again, and what must hold afterwards.
//!
//! `point` is where kills land, `node` dies and is started again. Meanwhile a `publisher` sends each batch until it is acknowledged, a
//! `deployer` one version after the other, and a `reader` goes on after the last position that it has seen, as the CLI does with a `cursor`.
//! `run` is all of it together, and `judge` says whether everybody was given all.

mod cursor;
mod deployer;
mod judge;
mod node;
mod point;
mod publisher;
mod reader;
mod run;
mod shared;

pub use node::MortalNode;
pub use point::Point;
pub use run::{Plan, Report, run};
