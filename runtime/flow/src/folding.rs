//! What an aggregate holds on one worker: its guest, the keys of its shards, and their windows.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use dag_expr::Window;
use dag_model::batch::arrow_type;
use dag_model::frame;
use dag_model::{Frontier, Hops, Type, arrow_schema, times};
use dag_wasm::Limits;

use crate::budget::{Charge, Part};
use crate::computation::{Aggregation, Computation, Operator};
use crate::error::ComputeError;
use crate::output::{Shape, take};
use crate::snapshot::{Folded, Piece};
use crate::window::fold::{Fold, GuestFold};
use crate::window::hopping::Hopping;
use crate::window::keys::{Keys, converter, hashes, worker_of};
use crate::window::running::Running;
use crate::window::session::Session;
use crate::window::{Open, Rows, Step, Windows};

/// How many open windows a piece of a snapshot holds at most.
const STATES: usize = 16_384;

/// The state of an aggregate on one worker.
pub(crate) struct Folding {
    guest: GuestFold,
    keys: Keys,
    windows: Box<dyn Windows>,
    /// Whether a result comes of each record.
    running: bool,
    /// The key columns' types. Their places are those behind the time.
    types: Vec<Type>,
    /// The places of the columns that the guest wants.
    columns: Vec<usize>,
    /// The memory that keys take, and windows.
    charged: [Charge; 2],
}

impl Folding {
    /// An empty one.
    pub fn new(computation: &Computation, aggregation: &Aggregation) -> Result<Folding, ComputeError> {
        let Operator { component, name, arguments, options, .. } = &computation.operator;
        let Aggregation { window, windowing, by, columns } = aggregation;
        let mut instance = component.aggregate(options.clone())?;
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let input = &computation.schemas[0];
        let binding = instance.bind(name, &arguments, input)?;
        let place = |wanted: &usize| {
            let at = columns.iter().position(|column| column == wanted);
            let missing = || dag_wasm::CallError::Invalid(format!("it asked for column {wanted} only the second time"));
            Ok(1 + by.len() + at.ok_or_else(missing)?)
        };
        let columns = binding.columns.iter().map(place).collect::<Result<_, ComputeError>>()?;
        let types: Vec<Type> = by.iter().map(|column| input.fields[*column].ty).collect();
        let arrow_types: Vec<_> = types.iter().map(|ty| arrow_type(*ty)).collect();
        let shape = Shape::new(arrow_schema(&computation.schema));
        let windows: Box<dyn Windows> = match *window {
            Window::Running => Box::new(Running::new(shape)),
            Window::Hopping { size, every, offset } => {
                Box::new(Hopping::new(Hops { size, every, offset }, *windowing, computation.from, shape))
            }
            Window::Session { gap } => Box::new(Session::new(gap, shape)),
        };
        let Limits { memory, output, .. } = options.limits;
        // A frame is in the guest's memory once or twice, beside what it holds.
        let bytes = computation.budget.batch().min(memory / 16).min(output / 4);
        Ok(Folding {
            guest: GuestFold::new(instance, binding.result, bytes as usize),
            keys: Keys::new(&arrow_types)?,
            windows,
            running: *window == Window::Running,
            types,
            columns,
            charged: [Part::Keys, Part::Windows].map(|part| computation.budget.charge(part)),
        })
    }

    /// How many records may be taken in at once.
    pub fn most_rows(&self) -> usize {
        if self.running { self.guest.most() } else { usize::MAX }
    }

    /// Takes records in; a running window answers with results.
    pub fn insert(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>, ComputeError> {
        let keys = self.keys.intern(&batch.columns()[1..=self.types.len()], batch.num_rows())?;
        let columns: Vec<ArrayRef> = self.columns.iter().map(|at| batch.column(*at).clone()).collect();
        let rows = Rows { times: times(batch), keys: &keys, columns: &columns };
        let results = self.windows.insert(rows, &mut self.keys, &mut self.guest)?;
        self.keys.sweep(&keys);
        self.charge()?;
        Ok(results)
    }

    /// A step of closing the windows that `frontier` has passed.
    pub fn close(&mut self, frontier: Frontier) -> Result<Step, ComputeError> {
        let step = self.windows.close(frontier, &mut self.keys, &mut self.guest)?;
        self.charge()?;
        Ok(step)
    }

    /// Counts the memory that keys and windows take.
    fn charge(&mut self) -> Result<(), ComputeError> {
        let [keys, windows] = &mut self.charged;
        keys.set(self.keys.bytes() as u64)?;
        Ok(windows.set(self.windows.bytes() as u64)?)
    }

    /// The earliest time that a result may still carry.
    pub fn hold(&self, frontier: Frontier) -> Frontier {
        self.windows.hold(frontier)
    }

    /// The bytes of memory that the guest has.
    pub fn memory(&self) -> u64 {
        self.guest.memory()
    }

    /// What is open; none where it is no longer wanted.
    pub fn save(&mut self, stopped: &dyn Fn() -> bool) -> Result<Option<Folded>, ComputeError> {
        let (open, mut pieces, mut saved) = (self.windows.open(), Vec::new(), 0);
        while saved < open.len() {
            if stopped() {
                return Ok(None);
            }
            let next = &open[saved..open.len().min(saved + self.guest.most().min(STATES))];
            saved += next.len();
            pieces.push(self.save_piece(next)?);
        }
        Ok(Some(Folded { random: self.guest.random_state(), pieces }))
    }

    fn save_piece(&mut self, open: &[Open]) -> Result<Piece, ComputeError> {
        let slots: Vec<i64> = open.iter().map(|open| open.slot).collect();
        let keys: Vec<u32> = open.iter().map(|open| open.key).collect();
        let states = self.guest.state(&slots)?;
        let columns = self.keys.columns(&keys)?;
        // A frame without columns has no rows.
        let rows = if columns.is_empty() { 0 } else { open.len() };
        Ok(Piece {
            spans: open.iter().map(|Open { start, last, .. }| (*start, *last)).collect(),
            keys: frame::encode(rows, columns.iter().map(|column| column.as_ref() as &dyn Array)),
            states,
        })
    }

    /// Takes up what was open under `frontier`: of each part, the keys that are this worker's. Once it is `stopped`, nobody wants the
    /// rest.
    pub fn restore(
        &mut self,
        parts: &[&Folded],
        frontier: Frontier,
        worker: usize,
        peers: usize,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), ComputeError> {
        let pieces = parts.iter().flat_map(|part| &part.pieces);
        pieces.take_while(|_| !stopped()).try_for_each(|piece| self.restore_piece(piece, frontier, worker, peers))?;
        if let Some(part) = parts.get(worker).or(parts.first()) {
            self.guest.go_on_from(part.random);
        }
        Ok(())
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
        self.charge()?;
        self.guest.merge(&slots, &take(&states, &mine)?)
    }
}
