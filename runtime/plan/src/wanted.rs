//! What a plan wants of a node. A node compares that with what it runs, and acts on the difference: a crash anywhere between a change
//! and its effect is repaired by the next comparison. With which version of its component a node runs an incarnation follows from where its
//! snapshot was taken: see [`Course::stage`].

use dag_model::{IncarnationId, NodeId};

use crate::course::Course;
use crate::plan::Plan;

/// The incarnations that a start of a node has to run, by number; none where the plan counts another start of it. A node that is alone
/// runs all that are live.
pub fn wanted(plan: &Plan, node: NodeId, boot: u64) -> impl Iterator<Item = (IncarnationId, &Course)> {
    let counts = counts(plan, node, boot);
    plan.live().filter(move |_| counts).map(|(id, course)| (id, &**course))
}

/// One incarnation as that start of a node has to run it; none where it has not to.
pub fn wanted_of(plan: &Plan, node: NodeId, boot: u64, id: IncarnationId) -> Option<&Course> {
    let course = plan.incarnation(id).filter(|course| course.is_live() && counts(plan, node, boot));
    course.map(|course| &**course)
}

fn counts(plan: &Plan, node: NodeId, boot: u64) -> bool {
    plan.node(node).is_some_and(|node| node.boot == boot)
}
