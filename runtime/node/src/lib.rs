//! A node: one process that keeps streams, runs what is demanded, and speaks HTTP.
//!
//! Each part has a folder, and arrows between them point down only (`tests/arrows.rs` has the floors): `http` and [`pipe`] (how one speaks to
//! a node), `node` (its owners, put together), `alter` and `delete` (how streams change and go), `deploy` and `undeploy` (how operators change
//! while they run), `upkeep` (what is done by the clock and on a full disk), `backup`, `views` (what a node shows of itself), `readers` (subscriptions and cursors), `computations` (what runs),
//! `operators` (components, and expressions bound to them), `tokens` (who may ask for what), `streams` (what is published to), `metadata` (what lasts), `layout` (what lies where in
//! the data folder). [`requests`] and `budget` say what who asks may take, [`Origin`] which pages may ask, [`Config`] how a node is run. The values of the HTTP API are in
//! [`dag_api`].
//!
//! ```
//! use dag_codec::Format;
//! use dag_node::pipe::{self, PipeOptions};
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let scratch = tempfile::tempdir().unwrap();
//! let options = PipeOptions {
//!     expr: "sum(orders, 1min)".to_owned(),
//!     components: Vec::new(),
//!     input: Format::Csv,
//!     output: Some(Format::Csv),
//!     settings: serde_json::from_str(r#"{"name": "", "schema": []}"#).unwrap(),
//!     workers: 1,
//!     scratch: scratch.path().to_owned(),
//! };
//! let (input, mut output) = ("time,value\n0,1\n59,2\n60,5\n".as_bytes(), Vec::new());
//! let report = pipe::run(options, input, &mut output).await.unwrap();
//! assert_eq!(report.accepted, 3);
//! assert_eq!(output, b"time,value\n1970-01-01T00:00:00Z,3\n1970-01-01T00:01:00Z,5\n");
//! # });
//! ```

mod alter;
#[cfg(feature = "armed")]
mod armed;
mod backup;
mod blocking;
mod budget;
mod clock;
mod computations;
mod config;
mod deadlines;
mod delete;
mod deploy;
mod formats;
mod http;
mod layout;
mod metadata;
mod node;
mod operators;
mod origin;
pub mod pipe;
mod private;
mod readers;
pub mod requests;
mod serve;
mod storage;
mod streams;
#[cfg(test)]
mod testing;
mod tls;
mod tokens;
mod undeploy;
mod upkeep;
mod views;

pub use computations::news::Notices;
pub use config::{Config, usual_memory};
/// The process that builds components, to its end. See [`Builder::Process`].
pub use dag_wasm::builder::child::run as build_component;
pub use dag_wasm::{Bounds, Builder, BuilderCommand};
pub use metadata::MetaError;
use node::Node;
pub use node::{Held, ServeError, cluster_in, hold};
pub use origin::{Origin, OriginError};
pub use readers::error::ReaderError;
pub use readers::subscription::{End, Next, Subscription};
pub use serve::serve;
pub use tls::{Certificates, Tls, TlsError};

/// Whether this is what the end-to-end tests run, where a process does to itself what their environment asks for.
pub const ARMED: bool = cfg!(feature = "armed");
