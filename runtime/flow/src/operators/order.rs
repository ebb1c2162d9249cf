//! Order for aggregates that need it: the pieces of one input become batches in time order, cut by key.

use std::rc::Rc;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::scan::{Ahead, Piece};
use super::shard::Shards;
use super::{Hold, downgrade};
use crate::computation::{Event, Shared, frontier_of};
use crate::error::ComputeError;
use crate::local::{Credits, Local, Parcel};
use crate::merge::Merge;

/// Batches of `pieces` in time order, as far as their frontier.
pub(crate) fn order<'scope>(
    pieces: StreamVec<'scope, i64, Piece>,
    schema: SchemaRef,
    shards: Shards,
    ahead: Rc<Ahead>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Parcel>> {
    let scope = pieces.scope();
    let mut builder = OperatorBuilder::new("order".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(pieces, Pipeline);
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Parcel>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let credits = Credits::new(sync());
        let mut merge = Merge::new(vec![schema]);
        move |frontiers| {
            input.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(0, piece)));
            if shared.is_stopped() {
                hold = None;
            }
            if hold.is_none() {
                return;
            }
            let frontier = frontier_of(&frontiers[0]);
            let mut advance = || -> Result<(), ComputeError> {
                if !credits.available() {
                    return Ok(());
                }
                let Some(merged) = merge.next(frontier)? else {
                    ahead.merged(0, frontier);
                    downgrade(&mut hold, frontier);
                    return Ok(());
                };
                ahead.merged(merged.loaded[0], frontier);
                activator.activate();
                let Some(batch) = merged.batches.into_iter().find(|batch| batch.num_rows() > 0) else { return Ok(()) };
                shared.progress.count_in(batch.num_rows());
                let credit = credits.take(batch.num_rows());
                let mut output = output.activate();
                let mut session = output.session(hold.as_ref().expect("checked above"));
                for (worker, batch) in shards.split(batch)? {
                    session.give(Local(Parcel { worker, batch, credit: Some(credit.clone()) }));
                }
                drop(session);
                drop(output);
                if merged.frontier.time().is_some() {
                    downgrade(&mut hold, merged.frontier);
                }
                Ok(())
            };
            if let Err(error) = advance() {
                shared.end(Event::Failed(error));
            }
        }
    });
    stream
}
