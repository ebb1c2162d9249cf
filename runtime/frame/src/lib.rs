//! Columns, and the frame that carries them across the guest boundary.
//!
//! Pure and without dependencies, because the host, the expression evaluator and every Rust guest share it.
//! Read [`types`], then [`column`], then [`time`].

pub mod column;
pub mod time;
pub mod types;

pub use column::{Bits, Column, ColumnRef, Values, VarLen};
pub use types::{Field, Schema, Type};
