//! A source in log order: entries become batches as they come, for the workers that own their keys.

use std::sync::Arc;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{Scope, StreamVec};

use super::shard::Shards;
use super::{Hold, Waker, downgrade};
use crate::computation::{Event, Shared};
use crate::cursor::{Cursor, Input, Step};
use crate::error::ComputeError;
use crate::local::{Credits, Local, Parcel};

/// How many entries one activation reads before others get their turn.
const ENTRIES: usize = 64;

/// Batches of `input`, cut by `shards`; other workers than `home` emit nothing.
pub(crate) fn source<'scope>(
    scope: Scope<'scope, i64>,
    input: Input,
    shards: Shards,
    home: usize,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Parcel>> {
    let here = scope.index() == home;
    timely_source::<_, CapacityContainerBuilder<Vec<Local<Parcel>>>, _, _>(scope, "source", |capability, info| {
        let mut hold: Hold = here.then_some(capability);
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let waker = Waker::new(sync());
        let credits = Credits::new(sync());
        let mut cursor = here.then(|| Cursor::new(input, waker.notify()));
        move |output| {
            waker.rearm();
            if shared.is_stopped() {
                (hold, cursor) = (None, None);
            }
            let Some(reading) = cursor.as_mut() else { return };
            let mut advance = || -> Result<bool, ComputeError> {
                for _ in 0..ENTRIES {
                    if !credits.available() {
                        return Ok(true);
                    }
                    let piece = match reading.step()? {
                        Step::Wait => {
                            downgrade(&mut hold, reading.frontier());
                            return Ok(true);
                        }
                        Step::End => return Ok(false),
                        Step::Piece(piece) => piece,
                    };
                    if piece.count() > 0 {
                        let batch = piece.load()?.batch;
                        let rows = batch.num_rows();
                        shared.progress.count_in(rows);
                        if rows > 0 {
                            let credit = credits.take(rows);
                            let capability = hold.as_ref().expect("held until the end");
                            let mut session = output.session(capability);
                            for (worker, batch) in shards.split(batch)? {
                                session.give(Local(Parcel { worker, batch, credit: Some(credit.clone()) }));
                            }
                        }
                    }
                    if piece.frontier.time().is_none() {
                        return Ok(false);
                    }
                    downgrade(&mut hold, piece.frontier);
                }
                activator.activate();
                Ok(true)
            };
            match advance() {
                Ok(true) => {}
                Ok(false) => (hold, cursor) = (None, None),
                Err(error) => shared.end(Event::Failed(error)),
            }
        }
    })
}
