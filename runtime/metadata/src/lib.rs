//! The [plan](dag_plan::Plan) on a disk.
//!
//! Read [`tables`] (what lies in the file, drawn), [`store`] (a file that can be opened again) and [`local`] (the writer of a node that is
//! alone). A node of a cluster writes the same tables, byte for byte, from what the cluster has agreed on.

pub mod beside;
mod changes;
mod error;
pub mod local;
pub mod store;
pub mod tables;

pub use beside::Beside;
pub use changes::Changes;
pub use error::MetaError;
pub use local::{Local, Outcome};
pub use store::Store;
pub use tables::{FORMAT, Unreadable};
