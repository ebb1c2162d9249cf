//! A component: some operators of one world under a name and a version, and their running instances.
//!
//! Everything here takes and returns frames as bytes, as the worlds do, but is plain Rust: the harness drives the same code
//! natively that `wasm` puts behind a component's exports.

mod aggregates;
mod transforms;

pub use aggregates::{AggregateEntry, AggregateInstance, Aggregates, Binding};
pub use transforms::{Emitted, Opening, TransformEntry, TransformInstance, Transforms};

use crate::{About, AlignedBytes, Arguments, Column, Frame, Parameter, Result, encode};

/// What an operator says of itself, of either world.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Name, doc and example.
    pub about: About,
    /// The least number of inputs.
    pub min_inputs: u32,
    /// The greatest number; none means any number.
    pub max_inputs: Option<u32>,
    /// In declared order.
    pub parameters: Vec<Parameter>,
    /// The parameter whose columns are the key.
    pub key: Option<&'static str>,
    /// The version of the state that it writes.
    pub state_written: u32,
    /// Those that it reads.
    pub state_read: &'static [u32],
}

/// Calls `use_frame` with the frame that these bytes are, copying them only where they are not aligned.
fn with_frame<T>(bytes: &[u8], use_frame: impl FnOnce(Frame<'_>) -> Result<T>) -> Result<T> {
    let copy;
    let aligned = if AlignedBytes::is_aligned(bytes) {
        bytes
    } else {
        copy = AlignedBytes::copy(bytes);
        &copy
    };
    use_frame(Frame::parse(aligned).map_err(|error| error.to_string())?)
}

/// Columns of `rows` values each as a frame.
fn frame_of(rows: usize, columns: &[Column]) -> Vec<u8> {
    encode(rows, &columns.iter().map(Column::view).collect::<Vec<_>>())
}

/// The operator of that name.
fn find<'a, E>(entries: &'a [E], name: &str, about: impl Fn(&E) -> About) -> Result<&'a E> {
    entries
        .iter()
        .find(|entry| about(entry).name == name)
        .ok_or_else(|| format!("no operator `{name}` in this component"))
}

/// Reads arguments and says whose they were if that fails.
fn parse_arguments<A: Arguments>(about: About, arguments: &[(String, String)]) -> Result<A> {
    A::parse(arguments).map_err(|error| format!("{}: {error}", about.name))
}
