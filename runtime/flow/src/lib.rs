//! The flow: computations as timely dataflows, built and dropped while the workers run.
//!
//! Messages carry their source's frontier as timely time; record times are a column. Read [`computation`] (what is run),
//! [`cursor`] (how logs are read), [`flow`] (the workers), [`operators`] (the dataflows), [`merge`] (time order) and [`window`].

pub mod computation;
pub mod cursor;
pub mod error;
pub mod flow;
mod local;
pub mod merge;
pub mod operators;
mod output;
pub mod window;

pub use computation::{Computation, Event, Handle, OnEvent, Operator, Progress, World};
pub use cursor::{Cursor, Input, Leg, Loaded, Notify, Piece, Sequences, Step};
pub use error::ComputeError;
pub use flow::Flow;
pub use merge::Merge;
