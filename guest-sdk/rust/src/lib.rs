//! What the author of an operator in Rust uses.
//!
//! An operator is a Rust type with an `impl` or two. This is a whole one, an aggregate; the host gives it every window and
//! `by=`:
//!
//! ```
//! use dag_guest::{About, Fold, Operator, Result, Timestamp};
//!
//! dag_guest::state! {
//!     /// What each window of each key holds.
//!     struct Rms { squares: f64, count: i64 }
//! }
//!
//! impl Operator for Rms {
//!     const ABOUT: About = About { name: "rms", doc: "The root mean square.", example: "rms(voltage, 1s)" };
//! }
//!
//! impl Fold for Rms {
//!     type Value = f64;
//!     type Result = f64;
//!
//!     fn update(&mut self, value: &f64, _: Timestamp) -> Result {
//!         self.squares += value * value;
//!         self.count += 1;
//!         Ok(())
//!     }
//!
//!     fn combine(&mut self, later: &Rms) -> Result {
//!         self.squares += later.squares;
//!         self.count += later.count;
//!         Ok(())
//!     }
//!
//!     fn result(&self) -> Option<f64> {
//!         (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
//!     }
//! }
//!
//! dag_guest::export_aggregates!(component = "electric", version = "1.0.0", [Rms]);
//!
//! // In a unit test, natively:
//! # fn main() {
//! use dag_guest::harness::{Records, check_fold, fold};
//! let records = Records::each_second([3.0, -3.0]);
//! assert_eq!(fold::<Rms>(&[], &records), Ok(dag_guest::Column::float64([Some(3.0)])));
//! check_fold::<Rms>(&[], &records);
//! # }
//! ```
//!
//! The crate needs `crate-type = ["cdylib"]` (and `"rlib"` for tests elsewhere) in its `[lib]`, and this one as its only
//! dependency. `cargo build --release --target wasm32-unknown-unknown` makes the module that `dag deploy` takes.
//!
//! # What an operator may do
//!
//! It computes: it has no clock, no true randomness, no files and no network. Its output is a function of its input's records and
//! their order alone, never of how they were cut into batches or of how often it was called; [`harness`] checks that. Maps
//! with a fixed seed are in [`map`]; never emit in map order. It answers what it cannot do with an `Err` of text for the person
//! who wrote the expression. A panic ends the instance, and its message goes to the node's log.
//!
//! # Reading order
//!
//! [`operator`]; then [`aggregate`] with [`element`], [`cell`] and [`mod@state`], or [`transform`] with [`inputs`], [`output`]
//! and [`key`]; [`mod@arguments`] and [`argument`]; [`harness`]. What is behind: [`component`], and on wasm32 `wasm`.

pub mod aggregate;
pub mod argument;
pub mod arguments;
pub mod cell;
pub mod component;
pub mod element;
mod export;
#[cfg(not(target_arch = "wasm32"))]
pub mod harness;
pub mod host;
pub mod inputs;
pub mod key;
pub mod map;
pub mod operator;
pub mod output;
mod slots;
pub mod state;
pub mod transform;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use aggregate::{Accumulator, Aggregate, Bound, Fold};
pub use argument::{Argument, ColumnName, Columns, Duration, Expression, MatchText, Predicate, ProjectionText};
pub use arguments::{Arguments, Of};
pub use cell::{Cell, Timestamp};
pub use dag_expr::argument::{Match, Projection};
pub use dag_expr::{Parameter, ParameterKind, Scalar};
pub use dag_frame::{
    AlignedBytes, Bits, Column, ColumnRef, Data, Field, Frame, Schema, Type, Value, Values, VarLen, encode,
};
pub use element::{Element, Ordered, Present};
pub use host::Level;
pub use inputs::{Batch, Inputs};
pub use key::{Keyed, append_key};
pub use map::{FixedMap, FixedSet};
pub use operator::{About, Lookback, Operator, Result, find_column};
pub use output::Output;
pub use state::State;
pub use transform::{Input, Opened, Order, Transform};
