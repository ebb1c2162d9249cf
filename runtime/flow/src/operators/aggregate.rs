//! The windows of an aggregate on one worker: it folds what comes and closes what the frontier has passed.

use std::sync::Arc;

use arrow_array::ArrayRef;
use dag_expr::Window;
use dag_model::{Hops, arrow_schema, times};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::{Hold, downgrade};
use crate::computation::{Computation, Event, Operator, Shared, frontier_of};
use crate::error::ComputeError;
use crate::local::{Local, Parcel};
use crate::output::Shape;
use crate::window::fold::GuestFold;
use crate::window::hopping::Hopping;
use crate::window::keys::Keys;
use crate::window::running::Running;
use crate::window::session::Session;
use crate::window::{Rows, Windows};

/// The state of one worker: its guest, the keys of its shards and their windows. Made when the first record comes.
struct Folding {
    guest: GuestFold,
    keys: Keys,
    windows: Box<dyn Windows>,
    /// The key columns' places in a batch.
    by: Vec<usize>,
    /// The places of the columns that the guest wants.
    columns: Vec<usize>,
}

impl Folding {
    fn new(computation: &Computation, window: Window, by: &[usize]) -> Result<Folding, ComputeError> {
        let Operator { component, name, arguments, options, .. } = &computation.operator;
        let mut instance = component.aggregate(options.clone())?;
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let input = &computation.schemas[0];
        let binding = instance.bind(name, &arguments, input)?;
        let by: Vec<usize> = by.iter().map(|column| column + 1).collect();
        let schema = arrow_schema(input);
        let types: Vec<_> = by.iter().map(|column| schema.field(*column).data_type().clone()).collect();
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
            keys: Keys::new(&types)?,
            windows,
            by,
            columns: binding.columns.iter().map(|column| column + 1).collect(),
        })
    }

    fn insert(&mut self, batch: &arrow_array::RecordBatch) -> Result<Option<arrow_array::RecordBatch>, ComputeError> {
        let pick = |places: &[usize]| -> Vec<ArrayRef> { places.iter().map(|at| batch.column(*at).clone()).collect() };
        let keys = self.keys.intern(&pick(&self.by), batch.num_rows())?;
        let rows = Rows { times: times(batch), keys: &keys, columns: &pick(&self.columns) };
        let results = self.windows.insert(rows, &mut self.keys, &mut self.guest)?;
        self.keys.sweep(&keys);
        Ok(results)
    }
}

/// Results of `parcels`, which go to the workers that they are for.
pub(crate) fn aggregate<'scope>(
    parcels: StreamVec<'scope, i64, Local<Parcel>>,
    computation: Arc<Computation>,
    window: Window,
    by: Vec<usize>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Parcel>> {
    let scope = parcels.scope();
    let mut builder = OperatorBuilder::new("aggregate".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(parcels, Exchange::new(|Local(parcel): &Local<Parcel>| parcel.worker as u64));
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Parcel>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let activator = scope.activator_for(info.address.clone());
        shared.enlist(scope.worker().sync_activator_for(info.address.to_vec()));
        let mut folding: Option<Folding> = None;
        move |frontiers| {
            let mut parcels = Vec::new();
            input.for_each(|_, data| parcels.append(data));
            if shared.is_stopped() {
                (hold, folding) = (None, None);
            }
            if hold.is_none() {
                return;
            }
            let frontier = frontier_of(&frontiers[0]);
            let worker = computation.home;
            let mut advance = || -> Result<(), ComputeError> {
                let mut results = Vec::new();
                for Local(parcel) in parcels.drain(..) {
                    if folding.is_none() {
                        folding = Some(Folding::new(&computation, window, &by)?);
                    }
                    let folding = folding.as_mut().expect("made above");
                    let credit = parcel.credit;
                    results.extend(folding.insert(&parcel.batch)?.map(|batch| Parcel { worker, batch, credit }));
                }
                let mut promise = frontier;
                if let Some(folding) = &mut folding {
                    if let Some(batch) = folding.windows.close(frontier, &mut folding.keys, &mut folding.guest)? {
                        results.push(Parcel { worker, batch, credit: None });
                        activator.activate();
                    }
                    promise = folding.windows.hold(frontier);
                } else if let Window::Hopping { size, every, offset } = window {
                    promise = Hops { size, every, offset }.frontier(frontier);
                }
                if !results.is_empty() {
                    let mut output = output.activate();
                    output.session(hold.as_ref().expect("checked above")).give_iterator(results.into_iter().map(Local));
                }
                downgrade(&mut hold, promise);
                Ok(())
            };
            if let Err(error) = advance() {
                shared.end(Event::Failed(error));
            }
            if hold.is_none() {
                folding = None;
            }
        }
    });
    stream
}
