//! Appends of another log land in this one: a leader's at a follower, a donor's at a candidate.

use crate::append::Append;
use crate::disk::Base;
use crate::history::History;
use crate::local::Local;
use crate::point::Point;

/// What is committed here is not what another has who must have it: somebody forgot what it promised, and nobody should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("append {here} is committed here, and {there} stands in its place elsewhere")]
pub struct Contradiction {
    /// What is committed here.
    pub here: Point,
    /// What stands there.
    pub there: Point,
}

/// Whether what follows `prev` elsewhere can follow here. What is committed here every leader has: there is nothing to compare.
pub fn fits(history: &History, prev: Point) -> bool {
    prev.index <= history.committed() || history.epochs().has(prev)
}

/// The most that this log can have in common with one that has `point`.
pub fn common(history: &History, point: Point) -> Point {
    let committed = history.epochs().point(history.committed()).unwrap_or_default();
    history.epochs().up_to(point).max(committed)
}

/// Takes what is not there yet, and cuts off what stands in its place. Nothing is cut off but for an append that cannot stand beside it: a
/// message that comes late, or twice, says nothing about what lies behind it.
pub fn land(local: &mut Local, appends: Vec<Append>) -> Result<(), Contradiction> {
    let history = &local.history;
    let (committed, base) = (history.committed(), history.epochs().base().index);
    let mut appends = appends.into_iter().peekable();
    while let Some(append) =
        appends.next_if(|append| append.index() <= base || history.epochs().has(append.header.point))
    {
        drop(append);
    }
    let Some(first) = appends.peek().map(|append| append.header.point) else { return Ok(()) };
    let here = history.epochs().point(first.index);
    let before = history.epochs().point(first.index.before()).unwrap_or_default();
    if first.index <= committed || before.epoch > first.epoch {
        return Err(Contradiction { here: here.unwrap_or(before), there: first });
    }
    if here.is_some() {
        local.history.truncate(first.index.before(), &mut local.out);
    }
    local.history.append(appends.collect(), &local.limits, &mut local.out);
    Ok(())
}

/// Begins anew behind a base, unless what lies here reaches it. Says whether it did.
pub fn rebase(local: &mut Local, base: Base) -> bool {
    let history = &local.history;
    let is_needed = base.point.index > history.committed() && !history.epochs().has(base.point);
    if is_needed {
        local.history.rebase(base, &mut local.out);
    }
    is_needed
}
