//! Nobody says what it may forget: a promise is durable before it is given, with its end; so is what is acknowledged; and only a whole
//! replica promises.

use dag_replica::Message;

use crate::disk::State;

/// A replica sends this, with this durably on its disk.
pub fn check(synced: &State, message: &Message) -> Result<(), String> {
    let row = synced.row().unwrap_or_default();
    match message {
        Message::Promise { epoch, end, .. } => {
            if row.promised < *epoch {
                return Err(format!("epoch {epoch} is promised, and {} durably", row.promised));
            }
            if !row.whole {
                return Err(format!("epoch {epoch} is promised by a replica that is not whole"));
            }
            if !synced.has(*end) {
                return Err(format!("{end} is told with a promise, and {} is durable", synced.end()));
            }
        }
        Message::Ack { epoch, durable, .. } => {
            if row.promised < *epoch {
                return Err(format!(
                    "something is acknowledged in epoch {epoch}, and {} is promised durably",
                    row.promised
                ));
            }
            if *durable > synced.end().index {
                return Err(format!("{durable} is acknowledged, and {} is durable", synced.end()));
            }
        }
        _ => {}
    }
    Ok(())
}
