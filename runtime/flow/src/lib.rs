//! The flow: computations as timely dataflows, built and dropped while the workers run.
//!
//! Messages carry their source's frontier as timely time; record times are a column. Read [`computation`] (what is run), [`budget`] (how much memory
//! that may take),
//! [`cursor`] (how logs are read), [`flow`] (the workers), [`operators`] (the dataflows), [`merge`] (time order), [`window`],
//! [`snapshot`] (how a computation goes on after it has stopped), and [`search`] (how a record is found that an operator cannot take).

pub mod budget;
pub mod computation;
pub mod cursor;
pub mod error;
pub mod flow;
mod folding;
mod guest;
mod guests;
mod local;
pub mod merge;
pub mod operators;
pub mod output;
pub mod search;
pub mod snapshot;
pub mod window;

pub use budget::Budget;
pub use computation::{Aggregation, Computation, Event, Handle, OnEvent, Operator, Progress, Resume, World};
pub use cursor::{Cursor, Input, Leg, Loaded, Notify, Piece, Sequences, Step};
pub use error::{ComputeError, Failure};
pub use flow::{Flow, probe};
pub use guests::Rush;
pub use merge::Merge;
pub use search::{Search, Span, Spot};
pub use snapshot::{Place, Snapshot};
