//! A node: one process that keeps streams, runs what is demanded, and speaks HTTP.
//!
//! Each part has a folder, and arrows between them point down only (`tests/arrows.rs` has the floors): `http` and [`pipe`] (how one speaks to
//! a node), `node` (what is put together, and what it does by the clock and on a full disk), `deploy` and `undeploy` (how operators change
//! while they run), `backup`, `views` (what a node shows of itself), `readers` (subscriptions and cursors), `computations` (what runs),
//! `operators` (components, and expressions bound to them), `streams` (what is published to), `metadata` (what lasts), `layout` (what lies where in
//! the data folder). [`requests`] and `budget` say what who asks may take, [`Config`] how a node is run. The values of the HTTP API are in
//! [`dag_api`].

mod backup;
mod blocking;
mod budget;
mod clock;
mod computations;
mod config;
mod deadlines;
mod deploy;
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
mod serve;
mod storage;
mod streams;
#[cfg(test)]
mod testing;
mod undeploy;
mod views;

pub use config::{Config, usual_memory};
/// The process that builds components, to its end. See [`Builder::Process`].
pub use dag_wasm::builder::child::run as build_component;
pub use dag_wasm::{Bounds, Builder, BuilderCommand};
pub use metadata::MetaError;
pub use node::{Node, ServeError};
pub use readers::error::ReaderError;
pub use readers::notices::Notices;
pub use readers::subscription::{End, Next, Subscription};
pub use serve::serve;
