//! A running transform: frames in, frames out.

use dag_model::{Frontier, Lookback, Order, Schema, Timestamp};

use crate::bindings::transform::Transform as Bindings;
use crate::bindings::transform::exports::dag::operator::transforming;
use crate::bindings::types;
use crate::convert;
use crate::instance::{CallError, Instance};

/// An instance of a component's transforms. All frames are as `wit/frame.md` draws them.
///
/// After an error other than [`CallError::Refused`] and [`CallError::Invalid`] every call answers [`CallError::Ended`].
pub struct Transform {
    pub(crate) instance: Instance<Bindings>,
}

/// What a transform says when it is opened on its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The output's columns besides `time`.
    pub schema: Schema,
    /// Which records it wants to see, and when.
    pub order: Order,
    /// How much earlier than a result its causes may lie.
    pub lookback: Lookback,
}

/// What a transform emits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Columns: time, then those of the opened schema.
    pub frame: Vec<u8>,
    /// The earliest time that it may still emit, where that is earlier than its input frontier.
    pub hold: Option<Timestamp>,
    /// Whether there is more: call [`Transform::advance`] with the same frontier again.
    pub more: bool,
}

impl Transform {
    /// Chooses the operator and its arguments (name and canonical text, defaults filled in) and tells the inputs (alias and
    /// schema). Once, before all that follow.
    pub fn open(
        &mut self,
        operator: &str,
        arguments: &[(&str, &str)],
        inputs: &[(&str, &Schema)],
    ) -> Result<Opening, CallError> {
        let arguments = convert::arguments(arguments);
        let inputs: Vec<types::Input> = inputs
            .iter()
            .map(|(alias, schema)| types::Input { alias: (*alias).into(), schema: convert::fields(schema) })
            .collect();
        let opening = self
            .instance
            .call(|guest, store| guest.dag_operator_transforming().call_open(store, operator, &arguments, &inputs))?;
        let order = match opening.order {
            transforming::Order::Log if inputs.len() != 1 => {
                return Err(CallError::Invalid(format!("it asks for log order of {} inputs", inputs.len())));
            }
            transforming::Order::Log => Order::Log,
            transforming::Order::Time => Order::Time,
        };
        let schema = convert::schema(opening.schema).map_err(CallError::Invalid)?;
        Ok(Opening { schema, order, lookback: convert::lookback(opening.lookback) })
    }

    /// Takes one frame per input (columns: time, then the input's) and, for several inputs, for each record of the merge the
    /// number of the input that it comes from.
    pub fn process(&mut self, frames: &[Vec<u8>], order: &[u8]) -> Result<Output, CallError> {
        let out =
            self.instance.call(|guest, store| guest.dag_operator_transforming().call_process(store, frames, order))?;
        self.output(out)
    }

    /// Says that no record earlier than `frontier` will follow.
    pub fn advance(&mut self, frontier: Frontier) -> Result<Output, CallError> {
        let frontier = frontier.time().map(|time| time.0);
        let out = self.instance.call(|guest, store| guest.dag_operator_transforming().call_advance(store, frontier))?;
        self.output(out)
    }

    /// The guest's state, in chunks of its choice.
    pub fn snapshot(&mut self) -> Result<Vec<Vec<u8>>, CallError> {
        let chunks = self.instance.call_aside(|guest, store| guest.dag_operator_transforming().call_snapshot(store))?;
        self.instance.check_output(chunks.iter().map(Vec::len).sum())?;
        Ok(chunks)
    }

    /// Takes up the state that an instance of the same operator and arguments wrote as state version `version`.
    pub fn restore(&mut self, version: u32, chunks: &[Vec<u8>]) -> Result<(), CallError> {
        self.instance.call_aside(|guest, store| guest.dag_operator_transforming().call_restore(store, version, chunks))
    }

    /// The bytes of linear memory that it has; 0 once the instance has ended.
    pub fn memory(&self) -> u64 {
        self.instance.memory()
    }

    /// Where the seeded generator is, for a snapshot; 0 once the instance has ended.
    pub fn random_state(&self) -> u64 {
        self.instance.random_state()
    }

    /// Has the generator go on from where that of an instance with the same seed was when its state was saved. To be called once that state has been
    /// taken up.
    pub fn go_on_from(&mut self, random_state: u64) {
        self.instance.go_on_from(random_state);
    }

    fn output(&mut self, out: transforming::Output) -> Result<Output, CallError> {
        self.instance.check_output(out.frame.len())?;
        Ok(Output { frame: out.frame, hold: out.hold.map(Timestamp), more: out.more })
    }
}
