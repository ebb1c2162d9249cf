//! Schemas, batches, frames, times, frontiers, identities: the values that all layers speak of.
//!
//! Pure. Read [`time`], [`batch`], [`identity`], [`text`], [`contract`], [`hops`], [`windowing`], then [`frame`].

pub mod batch;
pub mod contract;
pub mod frame;
pub mod hops;
pub mod identity;
pub mod text;
pub mod time;
pub mod windowing;

pub use batch::{TIME, arrow_schema, schema_of, times};
pub use contract::{Lookback, Order};
pub use dag_frame::{Field, Schema, Type};
pub use hops::Hops;
pub use identity::{Digest, IncarnationId, NodeId, Position, StreamId};
pub use time::{Frontier, Timestamp};
pub use windowing::Windowing;
