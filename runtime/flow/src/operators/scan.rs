//! A scan for time order: entries' headers run ahead, so that the joint frontier is known before anything is loaded.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use dag_model::Frontier;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::Activator;

use super::{Hold, Waker, downgrade};
use crate::computation::{Computation, Event, Shared};
use crate::cursor::Step;
use crate::error::{ComputeError, Failure};
use crate::local::Local;

/// How many headers may wait to be merged before a scan stops running ahead of the joint frontier.
const AHEAD: usize = 4_096;

/// How many headers one activation reads before others get their turn.
const ENTRIES: usize = 512;

/// An entry whose records have not been loaded.
pub(crate) type Piece = Local<Arc<crate::cursor::Piece>>;

/// What a scan and the operator that merges tell each other; both live on the home worker.
pub(crate) struct Ahead {
    waiting: Cell<usize>,
    joint: Cell<Frontier>,
    scan: RefCell<Option<Activator>>,
}

impl Ahead {
    pub(crate) fn new() -> Rc<Ahead> {
        let (waiting, joint) = (Cell::new(0), Cell::new(Frontier::START));
        Rc::new(Ahead { waiting, joint, scan: RefCell::new(None) })
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
    timely_source::<_, CapacityContainerBuilder<Vec<Piece>>, _, _>(scope, "scan", |capability, info| {
        let mut hold: Hold = here.then_some(capability);
        let activator = scope.activator_for(info.address.clone());
        *ahead.scan.borrow_mut() = Some(scope.activator_for(info.address.clone()));
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let waker = Waker::new(sync());
        let mut cursor = here.then(|| computation.cursor(input, waker.notify()));
        move |output| {
            waker.rearm();
            if shared.is_stopped() {
                (hold, cursor) = (None, None);
            }
            let Some(reading) = cursor.as_mut() else { return };
            let mut advance = || -> Result<bool, ComputeError> {
                for _ in 0..ENTRIES {
                    if !ahead.may_read(reading.frontier()) {
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
                    let frontier = piece.frontier;
                    if piece.count() > 0 {
                        ahead.waiting.set(ahead.waiting.get() + 1);
                        output.session(hold.as_ref().expect("held until the end")).give(Local(Arc::new(piece)));
                    }
                    if frontier.time().is_none() {
                        return Ok(false);
                    }
                    downgrade(&mut hold, frontier);
                }
                activator.activate();
                Ok(true)
            };
            match advance() {
                Ok(true) => {}
                Ok(false) => (hold, cursor) = (None, None),
                Err(error) => {
                    let frontier = reading.frontier();
                    shared.end(Event::Failed(Failure { error, at: None, frontier }));
                }
            }
        }
    })
}
