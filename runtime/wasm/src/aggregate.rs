//! A running aggregate: slots that the host numbers, and the guest folds columns into.

use dag_model::{Lookback, Schema, Type};

use crate::bindings::aggregate::Aggregate as Bindings;
use crate::bindings::types;
use crate::convert;
use crate::instance::{CallError, Instance};

/// An instance of a component's aggregates. All frames are as `wit/frame.md` draws them.
///
/// After an error other than [`CallError::Refused`] and [`CallError::Invalid`] every call answers [`CallError::Ended`].
pub struct Aggregate {
    pub(crate) instance: Instance<Bindings>,
}

/// What an aggregate says when it is bound to its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The type of the result column, which the host calls `value`.
    pub result: Type,
    /// The indexes in the input schema of the columns that [`Aggregate::update`] and [`Aggregate::scan`] want.
    pub columns: Vec<usize>,
    /// How much earlier than a result its causes may lie.
    pub lookback: Lookback,
}

impl Aggregate {
    /// Chooses the operator and its arguments (name and canonical text, defaults filled in). Once, before all that follow.
    pub fn bind(&mut self, operator: &str, arguments: &[(&str, &str)], schema: &Schema) -> Result<Binding, CallError> {
        let arguments: Vec<types::Argument> = convert::arguments(arguments);
        let fields = convert::fields(schema);
        let binding = self
            .instance
            .call(|guest, store| guest.dag_operator_aggregating().call_bind(store, operator, &arguments, &fields))?;
        let columns: Vec<usize> = binding.columns.iter().map(|column| *column as usize).collect();
        if let Some(column) = columns.iter().find(|column| **column >= schema.fields.len()) {
            let message = format!("it asks for column {column} of {}", schema.fields.len());
            return Err(CallError::Invalid(message));
        }
        Ok(Binding { result: convert::ty(binding.result), columns, lookback: convert::lookback(binding.lookback) })
    }

    /// Folds rows into slots. Columns: slot (int64), time, then the bound columns.
    pub fn update(&mut self, frame: &[u8]) -> Result<(), CallError> {
        self.instance.call(|guest, store| guest.dag_operator_aggregating().call_update(store, frame))
    }

    /// Folds slot `from`, which stays, into slot `into`, whose records come before. Columns: into (int64), from (int64).
    pub fn combine(&mut self, frame: &[u8]) -> Result<(), CallError> {
        self.instance.call(|guest, store| guest.dag_operator_aggregating().call_combine(store, frame))
    }

    /// The states of slots, one row each in the same order, columns of the guest's choice. Column in: slot (int64).
    pub fn state(&mut self, frame: &[u8]) -> Result<Vec<u8>, CallError> {
        let out = self.instance.call_aside(|guest, store| guest.dag_operator_aggregating().call_state(store, frame))?;
        self.checked(out)
    }

    /// Folds saved states into slots. Columns: slot (int64), then those that [`state`](Self::state) wrote.
    pub fn merge(&mut self, frame: &[u8]) -> Result<(), CallError> {
        self.instance.call_aside(|guest, store| guest.dag_operator_aggregating().call_merge(store, frame))
    }

    /// Like [`update`](Self::update), and returns one column of the bound type: the result after each row.
    pub fn scan(&mut self, frame: &[u8]) -> Result<Vec<u8>, CallError> {
        let out = self.instance.call(|guest, store| guest.dag_operator_aggregating().call_scan(store, frame))?;
        self.checked(out)
    }

    /// The results of slots, which keep their state: one column of the bound type. Column in: slot (int64).
    pub fn finish(&mut self, frame: &[u8]) -> Result<Vec<u8>, CallError> {
        let out = self.instance.call(|guest, store| guest.dag_operator_aggregating().call_finish(store, frame))?;
        self.checked(out)
    }

    /// Forgets slots. Column in: slot (int64).
    pub fn clear(&mut self, frame: &[u8]) -> Result<(), CallError> {
        self.instance.call(|guest, store| guest.dag_operator_aggregating().call_clear(store, frame))
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

    fn checked(&mut self, out: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.instance.check_output(out.len())?;
        Ok(out)
    }
}
