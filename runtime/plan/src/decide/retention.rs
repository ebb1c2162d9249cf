//! What is kept of incarnations that nobody computes any more.

use std::collections::BTreeMap;

use dag_model::IncarnationId;

use crate::plan::Plan;

/// The incarnations that are not live, and that nothing live reads, beyond the newest `kept` of each stream; the newest first.
pub fn surplus(plan: &Plan, kept: usize) -> Vec<IncarnationId> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    let all: Vec<_> = plan.incarnations().collect();
    let unused = all.into_iter().rev().filter(|(id, course)| !course.is_live() && !plan.is_read(*id));
    let beyond = unused.filter(|(_, course)| {
        let count = found.entry(&course.record.stream).or_default();
        *count += 1;
        *count > kept
    });
    beyond.map(|(id, _)| id).collect()
}
