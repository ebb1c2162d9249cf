//! What an aggregate holds on one worker: its guest, the keys of its shards, and their windows.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use dag_expr::Window;
use dag_model::frame;
use dag_model::{Frontier, Hops, Type, arrow_schema, times};

use crate::computation::{Computation, Operator};
use crate::error::ComputeError;
use crate::output::{Shape, take};
use crate::snapshot::{Folded, Piece};
use crate::window::fold::{Fold, GuestFold};
use crate::window::hopping::Hopping;
use crate::window::keys::{Keys, converter, hashes, worker_of};
use crate::window::running::Running;
use crate::window::session::Session;
use crate::window::{Open, Rows, Windows};

/// How many states a piece of a snapshot holds.
const STATES: usize = 16_384;

/// The state of an aggregate on one worker.
pub(crate) struct Folding {
    guest: GuestFold,
    keys: Keys,
    windows: Box<dyn Windows>,
    /// The key columns' places in a batch.
    by: Vec<usize>,
    /// The key columns' types.
    types: Vec<Type>,
    /// The places of the columns that the guest wants.
    columns: Vec<usize>,
}

impl Folding {
    /// An empty one, whose guest's generator starts at `random`.
    pub fn new(computation: &Computation, window: Window, by: &[usize], random: u64) -> Result<Folding, ComputeError> {
        let Operator { component, name, arguments, options, .. } = &computation.operator;
        let mut instance = component.aggregate(dag_wasm::InstanceOptions { random, ..options.clone() })?;
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let input = &computation.schemas[0];
        let binding = instance.bind(name, &arguments, input)?;
        let types = by.iter().map(|column| input.fields[*column].ty).collect();
        let by: Vec<usize> = by.iter().map(|column| column + 1).collect();
        let schema = arrow_schema(input);
        let arrow_types: Vec<_> = by.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        let shape = Shape::new(arrow_schema(&computation.schema));
        let windows: Box<dyn Windows> = match window {
            Window::Running => Box::new(Running::new(shape)),
            Window::Hopping { size, every, offset } => {
                Box::new(Hopping::new(Hops { size, every, offset }, computation.from, shape))
            }
            Window::Session { gap } => Box::new(Session::new(gap, shape)),
        };
        Ok(Folding {
            guest: GuestFold::new(instance, binding.result),
            keys: Keys::new(&arrow_types)?,
            windows,
            by,
            types,
            columns: binding.columns.iter().map(|column| column + 1).collect(),
        })
    }

    /// Takes records in; a running window answers with results.
    pub fn insert(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>, ComputeError> {
        let pick = |places: &[usize]| -> Vec<ArrayRef> { places.iter().map(|at| batch.column(*at).clone()).collect() };
        let keys = self.keys.intern(&pick(&self.by), batch.num_rows())?;
        let rows = Rows { times: times(batch), keys: &keys, columns: &pick(&self.columns) };
        let results = self.windows.insert(rows, &mut self.keys, &mut self.guest)?;
        self.keys.sweep(&keys);
        Ok(results)
    }

    /// Closes some of the windows that `frontier` has passed; none when all of them are closed.
    pub fn close(&mut self, frontier: Frontier) -> Result<Option<RecordBatch>, ComputeError> {
        self.windows.close(frontier, &mut self.keys, &mut self.guest)
    }

    /// The earliest time that a result may still carry.
    pub fn hold(&self, frontier: Frontier) -> Frontier {
        self.windows.hold(frontier)
    }

    /// What is open.
    pub fn save(&mut self) -> Result<Folded, ComputeError> {
        let mut pieces = Vec::new();
        for open in self.windows.open().chunks(STATES) {
            let slots: Vec<i64> = open.iter().map(|open| open.slot).collect();
            let keys: Vec<u32> = open.iter().map(|open| open.key).collect();
            let states = self.guest.state(&slots)?;
            let columns = self.keys.columns(&keys)?;
            pieces.push(Piece {
                spans: open.iter().map(|Open { start, last, .. }| (*start, *last)).collect(),
                // A frame without columns has no rows.
                keys: frame::encode(
                    if columns.is_empty() { 0 } else { open.len() },
                    columns.iter().map(|column| column.as_ref() as &dyn Array),
                ),
                states,
            });
        }
        Ok(Folded { random: self.guest.random_state(), pieces })
    }

    /// Takes up what was open under `frontier`: of each part, the keys that are this worker's.
    pub fn restore(
        &mut self,
        parts: &[&Folded],
        frontier: Frontier,
        worker: usize,
        peers: usize,
    ) -> Result<(), ComputeError> {
        let pieces = parts.iter().flat_map(|part| &part.pieces);
        pieces.into_iter().try_for_each(|piece| self.restore_piece(piece, frontier, worker, peers))
    }

    fn restore_piece(
        &mut self,
        piece: &Piece,
        frontier: Frontier,
        worker: usize,
        peers: usize,
    ) -> Result<(), ComputeError> {
        let keys = frame::decode(piece.keys.clone(), &self.types)?;
        let states = frame::decode(piece.states.clone(), &frame::types(&piece.states)?)?;
        let rows = piece.spans.len();
        if states.iter().chain(&keys).any(|column| column.len() != rows) {
            return Err(ComputeError::Restore("its columns are not of one length".to_owned()));
        }
        let mine: Vec<u32> = match keys.is_empty() || peers == 1 {
            true => (0..rows as u32).collect(),
            false => {
                let types: Vec<DataType> = keys.iter().map(|column| column.data_type().clone()).collect();
                let hashes = hashes(&converter(&types)?, &keys)?;
                (0..rows as u32).filter(|row| worker_of(hashes[*row as usize], peers) == worker).collect()
            }
        };
        if mine.is_empty() {
            return Ok(());
        }
        let numbers = self.keys.intern(&take(&keys, &mine)?, mine.len())?;
        let open: Vec<(u32, i64, i64)> = mine
            .iter()
            .zip(&numbers)
            .map(|(row, key)| {
                let (start, last) = piece.spans[*row as usize];
                (*key, start, last)
            })
            .collect();
        let slots = self.windows.reopen(&open, frontier, &mut self.keys);
        self.guest.merge(&slots, &take(&states, &mine)?)
    }
}
