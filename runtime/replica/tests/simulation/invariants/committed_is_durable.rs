//! What a leader calls committed lies durably on a majority of each configuration in force, on whole replicas, with an entry of the leader's
//! own epoch behind it.

use dag_model::NodeId;
use dag_replica::{Assignment, Epoch, Point};

use crate::disk::Disk;

/// A leader that knows of `plan` calls all up to `point` committed, while this is the row of the stream. The set that it is to change to counts
/// once the leader knows of it, and a set that is no more does not: its replicas may have removed their logs.
pub fn check<'a>(
    plan: &Assignment,
    row: &Assignment,
    epoch: Epoch,
    point: Point,
    disk: impl Fn(NodeId) -> &'a Disk,
) -> Result<(), String> {
    if point.epoch != epoch {
        return Err(format!("{point} is committed in epoch {epoch} with no entry of that epoch behind it"));
    }
    let is_known = plan.epoch == row.epoch && plan.next == row.next;
    let in_force = Assignment { next: row.next.clone().filter(|_| is_known), ..row.clone() };
    let has = |node: NodeId| {
        let disk = disk(node);
        // One that lost it since it acknowledged it does not vote for anybody who lacks it.
        disk.has_lost() || disk.is_whole() && disk.synced().has(point)
    };
    if in_force.majority(has) {
        return Ok(());
    }
    let lacking: Vec<NodeId> = in_force.members().into_iter().filter(|node| !has(*node)).collect();
    Err(format!("{point} is called committed, and {lacking:?} do not have it durably"))
}
