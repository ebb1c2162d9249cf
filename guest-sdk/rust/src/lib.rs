//! What the author of an operator in Rust uses.

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
