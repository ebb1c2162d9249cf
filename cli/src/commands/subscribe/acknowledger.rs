//! Acknowledging what has been written, on a thread of its own: neither waits for the other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use dag_api::Acknowledge;
use dag_model::Position;

use crate::client::{Client, ClientError, Target};

/// How often what has been written is acknowledged, unless that is much.
const EVERY: Duration = Duration::from_millis(100);

/// How many records are much.
const RECORDS: u64 = 8_192;

/// How long after a node that cannot be reached is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// How long the end waits for the last acknowledgement.
const PATIENCE: Duration = Duration::from_secs(3);

/// Acknowledges, for one reader of a cursor, what it says that it has written.
pub struct Acknowledger(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last record written.
    written: Option<Position>,
    /// Records written since the last acknowledgement began.
    unsent: u64,
    /// The last record that the node says it has kept.
    kept: Option<Position>,
    /// Nothing more will be written.
    closing: bool,
    /// The thread is gone.
    ended: bool,
    /// The node said no.
    refused: Option<ClientError>,
}

impl Acknowledger {
    /// Acknowledges as that reader of the cursor.
    pub fn start(client: &Client, cursor: &str, reader: u64) -> std::io::Result<Acknowledger> {
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (theirs, client, target) = (shared.clone(), client.apart(), Target::new(&["cursors", cursor]));
        thread::Builder::new().name("acknowledge".into()).spawn(move || {
            while let Some(last) = theirs.next() {
                let body = Acknowledge { reader, after: last.to_string() };
                let body = serde_json::to_vec(&body).expect("plain values are JSON");
                let answer = runtime.block_on(client.post(&target, "application/json", body.into()));
                theirs.answered(last, answer.map(drop));
            }
            theirs.ended();
        })?;
        Ok(Acknowledger(shared))
    }

    /// So many more records have been written, the last of them at that position.
    pub fn written(&self, records: u64, last: Position) {
        let mut state = self.0.lock();
        state.written = Some(last);
        state.unsent += records;
        self.0.changed.notify_all();
    }

    /// Acknowledges what has been written, and ends.
    ///
    /// # Errors
    /// If the node does not take it, or does not answer in time.
    pub fn finish(self) -> anyhow::Result<()> {
        let mut state = self.0.lock();
        state.closing = true;
        self.0.changed.notify_all();
        let ended = self.0.changed.wait_timeout_while(state, PATIENCE, |state| !state.ended);
        let mut state = ended.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(refused) = state.refused.take() {
            return Err(refused.into());
        }
        if state.kept != state.written {
            bail!("the last records could not be acknowledged and will come again");
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to acknowledge; none when there will be no more.
    fn next(&self) -> Option<Position> {
        let nothing_new = |state: &mut State| state.kept == state.written && !state.closing;
        let state = self.changed.wait_while(self.lock(), nothing_new);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.refused.is_some() || state.kept == state.written {
            return None;
        }
        state.unsent = 0;
        state.written
    }

    /// Takes in an answer, and waits until the next acknowledgement may be due.
    fn answered(&self, last: Position, answer: Result<(), ClientError>) {
        let mut state = self.lock();
        let pause = match answer {
            Ok(()) => {
                state.kept = Some(last);
                EVERY
            }
            // Whoever reads will find out, too, and say where it goes on.
            Err(error) if (error.is_passing() || error.is_full_disk()) && !state.closing => AGAIN,
            Err(error) => {
                state.refused = Some(error);
                return;
            }
        };
        let may_wait = |state: &mut State| state.unsent < RECORDS && !state.closing;
        drop(self.changed.wait_timeout_while(state, pause, may_wait));
    }

    fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
}
