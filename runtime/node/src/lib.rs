//! A node: one process that keeps streams, runs what is demanded, and speaks HTTP.
//!
//! Read [`api`] (the values of the HTTP API) and [`limits`], [`requests`] and `budget` (what who asks may take), `node` (what is put together), `source` and `catalog` (what there is),
//! `alter` (what of it may change), `demand` and `subscription` (how demand comes in), `cursors` (readers' places that are kept), `runs`
//! (how the plan's commands are carried out), `snapshots` (how runs go on after they have stopped), `containment`, `failing`, `notices`
//! and `errors` (what becomes of those that fail, who hears of it, and where the records are kept on which they do), `idle` (which of those
//! that nobody uses are kept), `upgrade` and `switch` (how operators change while they run), `backup`, `timers`, `look` and `explain`.
//! [`pipe`] is the same engine on standard input and output.

mod alarm;
mod alter;
pub mod api;
mod backup;
mod budget;
mod building;
mod catalog;
mod clock;
mod components;
mod containment;
mod cursors;
mod demand;
mod described;
mod error;
mod errors;
mod explain;
mod facts;
mod failing;
mod formats;
mod history;
mod http;
mod idle;
mod installed;
pub mod limits;
mod logs;
mod look;
mod meta;
mod moved;
mod node;
mod notices;
pub mod pipe;
mod private;
mod publish;
pub mod requests;
mod room;
mod runs;
mod serve;
mod snapshots;
mod source;
mod standing;
mod storage;
mod subscription;
mod switch;
#[cfg(test)]
mod testing;
mod timers;
mod unavailable;
mod undeploy;
mod upgrade;
mod versions;

/// The process that builds components, to its end. See [`Builder::Process`].
pub use dag_wasm::builder::child::run as build_component;
pub use dag_wasm::{Bounds, Builder, BuilderCommand};
pub use error::{Code, NodeError};
pub use meta::MetaError;
pub use node::{Config, Node, ServeError};
pub use notices::Notices;
pub use serve::serve;
pub use subscription::{End, Next, Subscription};
