//! A scan for time order: entries' headers run ahead, so that the joint frontier is known before anything is loaded.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use dag_model::Frontier;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilderSession;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::Activator;

use super::{Hold, Turn, Waker, downgrade};
use crate::computation::Computation;
use crate::cursor::{Cursor, Step};
use crate::error::{ComputeError, Failure};
use crate::local::Local;
use crate::shared::{Event, Shared};

/// How many headers may wait to be merged before a scan stops running ahead of the joint frontier.
const AHEAD: usize = 4_096;

/// How many headers one activation reads before others get their turn.
const ENTRIES: usize = 512;

/// An entry whose records have not been loaded.
pub(crate) type Piece = Local<Arc<crate::cursor::Piece>>;

type Pieces = CapacityContainerBuilder<Vec<Piece>>;

/// What a scan and the operator that merges tell each other; both live on the home worker.
pub(crate) struct Ahead {
    waiting: Cell<usize>,
    joint: Cell<Frontier>,
    scan: RefCell<Option<Activator>>,
    merge: RefCell<Option<Activator>>,
    /// The mark that the scan has come to, and its frontier there: it reads no further until all that lies before that is taken in.
    mark: Cell<Option<(u64, Frontier)>>,
}

impl Ahead {
    pub(crate) fn new() -> Rc<Ahead> {
        let (waiting, joint) = (Cell::new(0), Cell::new(Frontier::START));
        let (scan, merge, mark) = (RefCell::new(None), RefCell::new(None), Cell::new(None));
        Rc::new(Ahead { waiting, joint, scan, merge, mark })
    }

    /// The operator that merges is woken by this.
    pub(crate) fn wakes(&self, merge: Activator) {
        *self.merge.borrow_mut() = Some(merge);
    }

    /// The revision of the mark that the scan stands at, where nothing before that is missing under this joint frontier, and nothing more
    /// before it can come of any other input.
    pub(crate) fn mark(&self, joint: Frontier) -> Option<u64> {
        self.mark.get().filter(|(_, frontier)| *frontier == joint).map(|(revision, _)| revision)
    }

    /// The scan reads on.
    pub(crate) fn go_on(&self) {
        if self.mark.take().is_some()
            && let Some(scan) = self.scan.borrow().as_ref()
        {
            scan.activate();
        }
    }

    /// The merge has loaded so many pieces and knows this joint frontier.
    pub(crate) fn merged(&self, pieces: usize, joint: Frontier) {
        self.waiting.set(self.waiting.get() - pieces);
        if (pieces > 0 || joint != self.joint.get())
            && let Some(scan) = self.scan.borrow().as_ref()
        {
            scan.activate();
        }
        self.joint.set(joint);
    }

    /// Whether the scan may read on: the input that the others wait for always may, or nothing would ever move.
    fn may_read(&self, frontier: Frontier) -> bool {
        self.waiting.get() < AHEAD || frontier <= self.joint.get()
    }
}

/// Headers of one of the computation's inputs, with its frontier; other workers than the home worker emit nothing.
pub(crate) fn scan<'scope>(
    scope: Scope<'scope, i64>,
    computation: Arc<Computation>,
    input: usize,
    ahead: Rc<Ahead>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Piece> {
    let here = scope.index() == computation.home;
    timely_source::<_, Pieces, _, _>(scope, "scan", |capability, info| {
        let activator = || scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        *ahead.scan.borrow_mut() = Some(activator());
        shared.enlist(sync());
        let waker = Waker::new(sync());
        let mut reading = here.then(|| computation.cursor(input, waker.notify()));
        let again = activator();
        let mut scan = Scan { hold: here.then_some(capability), ahead, shared };
        move |output| {
            waker.rearm();
            if scan.shared.is_stopped() {
                (scan.hold, reading) = (None, None);
            }
            let Some(cursor) = reading.as_mut() else { return };
            match scan.read(cursor, output) {
                Ok(Turn::Waits) => {}
                Ok(Turn::More) => again.activate(),
                Ok(Turn::Over) => (scan.hold, reading) = (None, None),
                Err(error) => {
                    let frontier = cursor.frontier();
                    scan.shared.end(Event::Failed(Failure { error, at: None, frontier }));
                }
            }
        }
    })
}

/// What a scan emits with.
struct Scan {
    hold: Hold,
    ahead: Rc<Ahead>,
    shared: Arc<Shared>,
}

impl Scan {
    /// Reads the headers of some entries.
    fn read(
        &mut self,
        cursor: &mut Cursor,
        output: &mut OutputBuilderSession<'_, i64, Pieces>,
    ) -> Result<Turn, ComputeError> {
        for _ in 0..ENTRIES {
            if self.ahead.mark.get().is_some() || !self.ahead.may_read(cursor.frontier()) {
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
            let (frontier, mark) = (piece.frontier, piece.mark);
            if piece.count() > 0 {
                self.ahead.waiting.set(self.ahead.waiting.get() + 1);
                output.session(self.hold.as_ref().expect("held until the end")).give(Local(Arc::new(piece)));
            }
            if frontier.time().is_none() {
                return Ok(Turn::Over);
            }
            downgrade(&mut self.hold, frontier);
            if let Some(revision) = mark.filter(|revision| self.shared.mark_at(*revision).is_some()) {
                self.ahead.mark.set(Some((revision, cursor.frontier())));
                self.ahead.merge.borrow().iter().for_each(Activator::activate);
                return Ok(Turn::Waits);
            }
        }
        Ok(Turn::More)
    }
}
