//! A node: one process that keeps streams, runs what is demanded, and speaks HTTP.
//!
//! Each part has a folder: `metadata` (what lasts), `streams` (what is published to), `operators` (components, and expressions bound to them),
//! `computations` (what runs), `readers` (subscriptions and cursors), `views` (what a node shows of itself), `backup` and `http`. Beside them:
//! [`api`] (the values of the HTTP API), [`limits`], [`requests`] and `budget` (what who asks may take), `node` (what is put together), `deploy`
//! and `undeploy` (how operators change while they run), `room` (what goes when the disk is full), `timers`, and [`serve`](serve()).
//! [`pipe`] is the same engine on standard input and output.

mod backup;
mod blocking;
mod budget;
mod clock;
mod computations;
mod config;
mod deploy;
mod error;
mod formats;
mod http;
mod layout;
mod metadata;
mod node;
mod operators;
pub mod pipe;
mod private;
mod readers;
pub mod requests;
mod room;
mod serve;
mod storage;
mod streams;
#[cfg(test)]
mod testing;
mod timers;
mod undeploy;
mod views;
mod wake;

pub use config::{Config, usual_memory};
/// The process that builds components, to its end. See [`Builder::Process`].
pub use dag_wasm::builder::child::run as build_component;
pub use dag_wasm::{Bounds, Builder, BuilderCommand};
pub use error::{Code, NodeError};
pub use metadata::MetaError;
pub use node::{Node, ServeError};
pub use readers::notices::Notices;
pub use readers::subscription::{End, Next, Subscription};
pub use serve::serve;
