//! A source in log order: entries become batches as they come, for the workers that own their keys.

use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Position, Timestamp};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilderSession;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{Scope, StreamVec};

use super::barriers::Barriers;
use super::shard::Shards;
use super::{Hold, Turn, Waker, downgrade};
use crate::computation::Computation;
use crate::cursor::{Cursor, Loaded, Piece, Step};
use crate::error::{ComputeError, Failure};
use crate::local::{Credits, Local, Message, Parcel};
use crate::search::{Span, Spot};
use crate::shared::{Event, Shared};
use crate::snapshot::{Barrier, Place};

/// How many entries one activation reads before others get their turn.
const ENTRIES: usize = 64;

type Messages = CapacityContainerBuilder<Vec<Local<Message>>>;
type Output<'a> = OutputBuilderSession<'a, i64, Messages>;

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
    timely_source::<_, Messages, _, _>(scope, "source", |capability, info| {
        let activator = || scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let waker = Waker::new(sync());
        let cursor = here.then(|| computation.cursor(0, waker.notify()).fetching());
        let again = activator();
        let mut source = Source {
            hold: here.then_some(capability),
            credits: Credits::new(sync(), computation.budget.clone()),
            barriers: Barriers::new(shared.clone(), activator()),
            computation,
            shards,
            stateful,
            shared,
        };
        let mut reading = cursor;
        move |output| {
            waker.rearm();
            if source.shared.is_stopped() {
                (source.hold, reading) = (None, None);
            }
            let Some(cursor) = reading.as_mut() else { return };
            match source.read(cursor, output) {
                Ok(Turn::Waits) => {}
                Ok(Turn::More) => again.activate(),
                Ok(Turn::Over) => {
                    (source.hold, reading) = (None, None);
                    // Without a capability this operator may never be asked again.
                    source.shared.begins_no_more();
                }
                Err(error) => {
                    let frontier = cursor.frontier();
                    source.shared.end(Event::Failed(Failure { error, at: None, frontier }));
                }
            }
            if reading.is_some() {
                source.barriers.remind();
            }
        }
    })
}

/// What a source emits with.
struct Source {
    computation: Arc<Computation>,
    shards: Shards,
    stateful: Vec<usize>,
    shared: Arc<Shared>,
    hold: Hold,
    credits: Arc<Credits>,
    barriers: Barriers,
}

impl Source {
    /// Reads some entries.
    fn read(&mut self, cursor: &mut Cursor, output: &mut Output<'_>) -> Result<Turn, ComputeError> {
        for _ in 0..ENTRIES {
            if let Some(barrier) = self.barriers.for_snapshot(|| at(cursor)) {
                self.send(barrier, output);
            }
            if self.barriers.stops() || self.shared.is_finishing() || !self.credits.available() {
                return Ok(Turn::Waits);
            }
            let piece = match cursor.step()? {
                Step::Wait => {
                    downgrade(&mut self.hold, cursor.frontier());
                    return Ok(Turn::Waits);
                }
                Step::End => return Ok(Turn::Over),
                Step::Piece(piece) => piece,
            };
            self.barriers.note(true);
            if piece.count() > 0 {
                self.emit(&piece, output)?;
            }
            if piece.frontier.time().is_none() {
                return Ok(Turn::Over);
            }
            downgrade(&mut self.hold, piece.frontier);
            while let Some(barrier) = piece.mark.and_then(|revision| self.barriers.for_mark(revision, || at(cursor))) {
                self.send(barrier, output);
            }
        }
        Ok(Turn::More)
    }

    fn send(&self, barrier: Barrier, output: &mut Output<'_>) {
        let capability = self.hold.as_ref().expect("held until the end");
        output.session(capability).give_iterator(barrier.to(&self.stateful));
    }

    /// Sends the records of a piece to the workers that own their keys.
    fn emit(&self, piece: &Piece, output: &mut Output<'_>) -> Result<(), ComputeError> {
        let mut session = output.session(self.hold.as_ref().expect("held until the end"));
        for (span, batch) in cut(piece, &self.computation)? {
            self.shared.progress.count_in(batch.num_rows());
            let muted = self.computation.is_muted(&span.first);
            let credit = self.credits.take(&batch);
            for (worker, batch) in self.shards.split(batch)? {
                let (from, credit) = (self.computation.home, Some(credit.clone()));
                let parcel = Parcel { worker, from, batch, credit, span: Some(span), muted, held: None };
                session.give(Local(Message::Records(parcel)));
            }
        }
        Ok(())
    }
}

/// The place after what has been read, and the frontier there.
fn at(cursor: &Cursor) -> (Vec<Place>, Frontier) {
    (vec![cursor.place()], cursor.frontier())
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
