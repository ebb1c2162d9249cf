//! What is committed of clients is what they sent: a publisher's batches in order, none of a session that a greater one has ended, nothing behind
//! the last batch that a leave, a done or a seal names (M18), and nothing of clients behind a seal.

use dag_replica::{Append, Batch, Kind};

use super::Truth;

/// An append is committed for the first time.
pub fn committed(truth: &mut Truth, append: &Append) -> Result<(), String> {
    let (point, kind) = (append.header.point, &append.header.kind);
    if let Some(sent) = truth.sent.get(&append.body.0)
        && sent != kind
    {
        return Err(format!("{point} is committed as {kind:?}, and was sent as {sent:?}"));
    }
    let of_clients = matches!(kind, Kind::Records(_) | Kind::Note | Kind::Leave(_) | Kind::Done(_) | Kind::Seal(_));
    if of_clients && let Some(sealed) = truth.sealed {
        return Err(format!("{point} is committed as {kind:?}, and {sealed} sealed the stream"));
    }
    match kind {
        Kind::Records(Some(batch)) => next(truth, batch),
        Kind::Leave(batch) | Kind::Done(batch) | Kind::Seal(Some(batch))
            if truth.last.get(&batch.publisher) != Some(&of(batch)) =>
        {
            Err(format!(
                "{point} is committed as {kind:?}, and the last batch is {:?}",
                truth.last.get(&batch.publisher)
            ))
        }
        Kind::Seal(_) => {
            truth.sealed = Some(point.index);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn next(truth: &mut Truth, batch: &Batch) -> Result<(), String> {
    let (session, last) = truth.last.get(&batch.publisher).copied().unwrap_or_default();
    let is_next = match batch.session == session {
        true => batch.number == last + 1,
        false => batch.session > session && batch.number == 1,
    };
    if !is_next {
        return Err(format!("{batch:?} is committed behind session {session}'s batch {last}"));
    }
    truth.last.insert(batch.publisher.clone(), of(batch));
    Ok(())
}

fn of(batch: &Batch) -> (u64, u64) {
    (batch.session, batch.number)
}
