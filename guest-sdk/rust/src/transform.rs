//! The `transform` world: every operator that is not a fold.
//!
//! The contract: splitting the same input into other batches, or calling `advance` more or less often, must not change the
//! output. [`harness::check_determinism`](crate::harness::check_determinism) checks it.

use crate::{Arguments, Inputs, Lookback, Operator, Output, Result, Schema, Timestamp};

/// A running operator from streams to a stream.
pub trait Transform: Operator + Sized + 'static {
    /// What it takes besides its inputs.
    type Arguments: Arguments;
    /// The least number of inputs.
    const MIN_INPUTS: u32 = 1;
    /// The greatest number; none means any number.
    const MAX_INPUTS: Option<u32> = Some(1);
    /// The parameter (of kind `columns`) whose columns are the key, if records of different keys do not meet.
    const KEY: Option<&'static str> = None;
    /// The version of the state that it writes.
    const STATE_WRITTEN: u32 = 1;
    /// The versions of the state that it reads.
    const STATE_READ: &'static [u32] = &[1];

    /// Begins a computation.
    ///
    /// # Errors
    /// If the inputs have not the columns that the arguments ask for.
    fn open(arguments: Self::Arguments, inputs: &[Input]) -> Result<Opened<Self>>;

    /// Takes the next records.
    ///
    /// # Errors
    /// Stop the computation.
    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result;

    /// Learns that no record earlier than `frontier` will follow; none means that no record at all will. Also called, with
    /// the same frontier, as long as the output says that there is more.
    ///
    /// # Errors
    /// As [`process`](Transform::process).
    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        let _ = (frontier, out);
        Ok(())
    }

    /// What it remembers, in chunks of bytes. An operator without memory has none. Not called while there is more output.
    ///
    /// # Errors
    /// Leave the computation without this snapshot.
    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    /// Remembers again. Called at most once, after [`open`](Transform::open) and before any record.
    ///
    /// # Errors
    /// If the chunks are not what [`snapshot`](Transform::snapshot) wrote.
    fn restore(&mut self, version: u32, chunks: &[Vec<u8>]) -> Result {
        let _ = version;
        if chunks.is_empty() { Ok(()) } else { Err(format!("{} has no state to restore", Self::ABOUT.name)) }
    }
}

/// An input of a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name by which expressions over several inputs qualify this one's columns.
    pub alias: String,
    /// Its columns besides `time`.
    pub schema: Schema,
}

/// Which records `process` sees, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One input, as its log has it, at once; output keeps that order.
    Log,
    /// All inputs merged by (time, input, sequence), only records before the joint frontier.
    Time,
}

/// A begun computation.
#[derive(Debug)]
pub struct Opened<T> {
    /// What processes.
    pub transform: T,
    /// The output's columns besides `time`.
    pub schema: Schema,
    /// Which records it wants.
    pub order: Order,
    /// How much earlier than a result its causes may lie.
    pub lookback: Lookback,
}

impl<T> Opened<T> {
    /// A computation that looks at each record alone and keeps the log's order.
    pub fn stateless(transform: T, schema: Schema) -> Opened<T> {
        Opened { transform, schema, order: Order::Log, lookback: Lookback::None }
    }

    /// A computation that sees records in time order and remembers.
    pub fn ordered(transform: T, schema: Schema, lookback: Lookback) -> Opened<T> {
        Opened { transform, schema, order: Order::Time, lookback }
    }
}
