//! Whose component is built now, and who waits for that: building takes memory and time, so it is done for one after the other, and only so
//! many may wait with what they have sent.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait, besides the one whose component is built.
const WAITING: usize = 4;

/// As many wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING} deployments wait for one that is built now, which is the limit: try again")]
pub struct TooMany;

/// See the module.
pub struct Building {
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// Held as long as a component is built.
pub struct Turn {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Building {
    fn default() -> Building {
        Building { places: Arc::new(Semaphore::new(WAITING + 1)), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Building {
    /// Waits for the turn of whoever calls.
    pub async fn turn(&self) -> Result<Turn, TooMany> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| TooMany)?;
        let turn = self.turn.clone().acquire_owned().await.expect("it is never closed");
        Ok(Turn { _turn: turn, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_has_its_turn_some_wait_and_more_are_refused() {
        let building = Arc::new(Building::default());
        let first = building.turn().await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let building = building.clone();
                tokio::spawn(async move { building.turn().await.map(drop) })
            })
            .collect();
        // They are polled in this order before this one goes on.
        tokio::task::yield_now().await;
        assert!(matches!(building.turn().await, Err(TooMany)));
        assert!(!waiting[0].is_finished());
        drop(first);
        for waiting in waiting.drain(..) {
            waiting.await.unwrap().unwrap();
        }
        assert!(building.turn().await.is_ok());
    }
}
