//! Columns, and the frame that carries them across the guest boundary.
//!
//! Pure and without dependencies, because the host, the expression evaluator and every Rust guest share it.
//! Read [`types`], then [`column`](mod@column), [`bitmap`], [`build`] and [`gather`], then [`frame`], then [`time`].

pub mod aligned;
pub mod bitmap;
pub mod build;
mod cast;
pub mod column;
pub mod frame;
pub mod gather;
pub mod time;
pub mod types;
pub mod value;

pub use aligned::AlignedBytes;
pub use column::{Bits, Column, ColumnRef, Data, Values, VarLen};
pub use frame::{Frame, FrameError, encode, encode_into};
pub use types::{Field, Schema, Type};
pub use value::Value;
