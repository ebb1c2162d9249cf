//! End to end: real `dag` processes, real files, data in folders that go away with the test.
//!
//! [`node`] is where a test begins: a running node, and the CLI against it. What runs beside the test is a [`process`], whose
//! output is read line by line with the moment of its arrival; [`http`] is a client without the CLI, [`feed`] a subscription over a
//! plain socket, [`raw`] a connection byte by byte, [`secure`] one over TLS. [`records`] makes input and compares output, [`data`] finds and shuffles the real data, [`component`] builds operators
//! outside the workspace, [`hostile`] has some that misbehave, [`version`] such that show which version made a record, [`fixture`] is what
//! older versions left, [`crash`] a workload whose node is killed, and [`beside`] a computation that must not notice what a test does. A
//! test waits for a condition with [`wait`], never for a time, or for ticks of a [`pace`] that the machine sets; its threads are a [`crew`], of which one that fails ends the test.

mod alarm;
pub mod beside;
mod binary;
pub mod chance;
pub mod component;
pub mod crash;
pub mod crew;
pub mod data;
pub mod feed;
pub mod fixture;
pub mod hostile;
pub mod http;
pub mod node;
pub mod pace;
pub mod process;
pub mod raw;
pub mod records;
pub mod secure;
pub mod small_disk;
mod spawn;
pub mod version;
pub mod wait;

pub use binary::{dag, dag_in, dag_process, dag_with_input};
pub use component::build_component;
pub use feed::Feed;
pub use http::Http;
pub use node::{Node, Options, data_folder};
pub use pace::Pace;
pub use process::{Finished, Line, Process};
pub use raw::Raw;
pub use wait::{DEADLINE, until, while_it_moves};
