//! A source in log order: entries become batches as they come, for the workers that own their keys.

use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::{Position, Timestamp};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{Scope, StreamVec};

use super::shard::Shards;
use super::{Hold, Reminder, Waker, downgrade};
use crate::computation::{Computation, Event, Shared};
use crate::cursor::{Cursor, Loaded, Piece, Step};
use crate::error::{ComputeError, Failure};
use crate::local::{Credits, Local, Message, Parcel};
use crate::search::{Span, Spot};
use crate::snapshot::Barrier;

/// How many entries one activation reads before others get their turn.
const ENTRIES: usize = 64;

/// Batches of the computation's only input, cut by `shards`, and barriers to `stateful` workers; others than the home worker
/// emit nothing.
pub(crate) fn source<'scope>(
    scope: Scope<'scope, i64>,
    computation: Arc<Computation>,
    shards: Shards,
    stateful: Vec<usize>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Message>> {
    let here = scope.index() == computation.home;
    timely_source::<_, CapacityContainerBuilder<Vec<Local<Message>>>, _, _>(scope, "source", |capability, info| {
        let mut hold: Hold = here.then_some(capability);
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let waker = Waker::new(sync());
        let credits = Credits::new(sync(), computation.budget.clone());
        let mut cursor = here.then(|| computation.cursor(0, waker.notify()).fetching());
        // Whether anything has come since the last barrier.
        let mut news = false;
        let mut reminder = Reminder::new(scope.activator_for(info.address.clone()));
        // Whether the barrier after which nothing comes has been sent for a mark.
        let mut stops = false;
        move |output| {
            waker.rearm();
            if shared.is_stopped() {
                (hold, cursor) = (None, None);
            }
            let Some(reading) = cursor.as_mut() else { return };
            let mut advance = || -> Result<bool, ComputeError> {
                let barrier = |reading: &Cursor, last, mark| {
                    let barrier = Barrier { places: vec![reading.place()], frontier: reading.frontier(), last, mark };
                    barrier.to(&stateful)
                };
                for _ in 0..ENTRIES {
                    if !stops && shared.snapshot_due(news) {
                        news = false;
                        let capability = hold.as_ref().expect("held until the end");
                        output.session(capability).give_iterator(barrier(reading, shared.is_finishing(), None));
                    }
                    if stops || shared.is_finishing() || !credits.available() {
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
                    news = true;
                    if piece.count() > 0 {
                        let capability = hold.as_ref().expect("held until the end");
                        let mut session = output.session(capability);
                        for (span, batch) in cut(&piece, &computation)? {
                            shared.progress.count_in(batch.num_rows());
                            let muted = computation.is_muted(&span.first);
                            let credit = credits.take(&batch);
                            for (worker, batch) in shards.split(batch)? {
                                let (from, credit) = (computation.home, Some(credit.clone()));
                                let parcel =
                                    Parcel { worker, from, batch, credit, span: Some(span), muted, held: None };
                                session.give(Local(Message::Records(parcel)));
                            }
                        }
                    }
                    if piece.frontier.time().is_none() {
                        return Ok(false);
                    }
                    downgrade(&mut hold, piece.frontier);
                    while !stops && let Some(mark) = piece.mark.and_then(|revision| shared.mark_at(revision)) {
                        stops = mark.stops;
                        let capability = hold.as_ref().expect("held until the end");
                        output.session(capability).give_iterator(barrier(reading, stops, Some(mark)));
                        shared.is_at(mark);
                    }
                }
                activator.activate();
                Ok(true)
            };
            match advance() {
                Ok(true) => {}
                Ok(false) => {
                    (hold, cursor) = (None, None);
                    // Without a capability this operator may never be asked again.
                    shared.begins_no_more();
                }
                Err(error) => {
                    let frontier = reading.frontier();
                    shared.end(Event::Failed(Failure { error, at: None, frontier }));
                }
            }
            reminder.set(&shared, news && cursor.is_some());
        }
    })
}

/// The records of a piece, whole unless some of them are suspects, or only some of them are muted.
fn cut(piece: &Piece, computation: &Computation) -> Result<Vec<(Span, RecordBatch)>, ComputeError> {
    let Loaded { batch, run, sequences } = piece.load()?;
    let spot = |row| {
        let position = Position { run, sequence: sequences.get(row) };
        Spot { time: Timestamp::MIN, input: 0, leg: piece.leg(), position }
    };
    let rows = batch.num_rows();
    let muted = (0..rows).take_while(|row| computation.is_muted(&spot(*row))).count();
    let mut parts = Vec::new();
    for (from, to) in [(0, muted), (muted, rows)] {
        let cut = computation.search.cut(to - from, |row| spot(from + row));
        parts.extend(cut.into_iter().map(|(rows, span)| (span, batch.slice(from + rows.start, rows.len()))));
    }
    Ok(parts)
}
