//! Once faults have stopped, within a bounded time: one leader, all who replicate have and show all, all are whole and known to have made
//! their logs, each batch is acknowledged, and no change of the set is under way.

use dag_replica::Standing;

use crate::world::World;

/// What is still missing, if anything.
pub fn check(world: &World) -> Result<(), String> {
    let row = &world.metadata.row;
    let of = |node: u64| world.node(node).replica.as_ref();
    let leader = of(row.leader.0).ok_or("the leader's node is not up")?;
    if leader.standing() != Standing::Leads(row.epoch) {
        return Err(format!("node {} is to lead in epoch {} and {:?}", row.leader, row.epoch, leader.standing()));
    }
    if !world.clients.are_done() {
        return Err("a publisher waits".to_owned());
    }
    if world.metadata.wanted.is_some() || row.next.is_some() || !row.joining.is_empty() {
        return Err("a change of the set is under way".to_owned());
    }
    for node in row.members() {
        let replica = of(node.0).ok_or_else(|| format!("node {node} is not up"))?;
        // Behind that may lie what was never committed: it is cut off with the leader's next append.
        let end = leader.epochs().end();
        let has_all = replica.epochs().has(end) && replica.durable() >= end.index;
        let shows_all = replica.committed() == end.index;
        if !has_all || !shows_all || !replica.row().whole || !row.made.contains(&node) {
            return Err(format!(
                "node {node} has {:?}, shows {}, is {:?}",
                replica.epochs().end(),
                replica.committed(),
                replica.row()
            ));
        }
    }
    Ok(())
}
