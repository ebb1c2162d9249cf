//! What goes with a stream that is deleted, by value: which incarnations read it, who uses these, and how that is told.

use std::collections::BTreeSet;

use dag_api::Deleted;
use dag_model::IncarnationId;
use dag_plan::{LogId, Plan};

use crate::computations::Computations;
use crate::readers::Readers;

/// What is to be deleted.
#[derive(Clone, Debug)]
pub(super) enum Doomed {
    /// By its name.
    Source(String),
    /// By its canonical expression.
    Derived(String),
}

/// What goes with a stream.
#[derive(Debug, Default)]
pub(super) struct Goes {
    /// The incarnations that are of it or read it, directly or not.
    pub incarnations: BTreeSet<IncarnationId>,
    /// Those of them that are live, also where nobody wants them any more.
    pub live: Vec<IncarnationId>,
    /// The derived streams whose incarnations these are.
    pub streams: BTreeSet<String>,
    /// Those of them that run for somebody.
    pub running: BTreeSet<String>,
    /// How many subscriptions read the stream itself or one of those.
    pub readers: usize,
    /// The cursors that are in its log, by name.
    pub own_cursors: Vec<String>,
    /// Those that are in derived streams, and in which.
    pub cursors: Vec<(String, String)>,
}

impl Doomed {
    /// As expressions have it.
    pub fn name(&self) -> &str {
        match self {
            Doomed::Source(name) | Doomed::Derived(name) => name,
        }
    }
}

/// The incarnations that are of a stream or read it, and who reads these.
pub(super) fn of_runs(plan: &Plan, computations: &Computations, readers: &Readers, doomed: &Doomed) -> Goes {
    let mut goes = Goes::default();
    let first: Vec<IncarnationId> = match doomed {
        Doomed::Source(name) => {
            let source = plan.stream_named(name).map(|(id, _)| LogId::Source(id));
            source.iter().flat_map(|source| plan.readers(source)).map(|(id, _)| id).collect()
        }
        Doomed::Derived(name) => plan.incarnations_of(name).map(|(id, _)| id).collect(),
    };
    goes.incarnations = first.into_iter().flat_map(|id| plan.all_dependents(id)).collect();
    let leases = computations.leases(&goes.incarnations);
    for course in goes.incarnations.iter().filter_map(|id| plan.incarnation(*id)) {
        let id = course.record.id;
        goes.streams.insert(course.record.stream.clone());
        if course.is_live() {
            goes.live.push(id);
            if leases.contains_key(&id) || plan.is_read(id) {
                goes.running.insert(course.record.stream.clone());
            }
        }
    }
    goes.readers = leases.into_values().flatten().collect::<BTreeSet<_>>().len();
    if let Doomed::Source(name) = doomed {
        goes.readers += readers.of_sources().remove(name).unwrap_or(0);
    }
    goes
}

/// What uses a stream, as whoever wants to delete it is told.
pub(super) fn uses(goes: &Goes) -> Vec<String> {
    let readers = match goes.readers {
        0 => None,
        1 => Some("1 subscription reads it".to_owned()),
        more => Some(format!("{more} subscriptions read it")),
    };
    let running = goes.running.iter().map(|stream| format!("`{stream}` runs"));
    let own = goes.own_cursors.iter().map(|cursor| format!("cursor `{cursor}` is in it"));
    let cursors = goes.cursors.iter().map(|(cursor, stream)| format!("cursor `{cursor}` is in `{stream}`"));
    readers.into_iter().chain(running).chain(own).chain(cursors).collect()
}

pub(super) fn deleted(doomed: &Doomed, goes: Goes, dry_run: bool) -> Deleted {
    let stream = doomed.name().to_owned();
    let cursors = goes.own_cursors.into_iter().chain(goes.cursors.into_iter().map(|(cursor, _)| cursor)).collect();
    Deleted {
        derived: goes.streams.into_iter().filter(|derived| *derived != stream).collect(),
        cursors,
        stopped: goes.running.into_iter().collect(),
        readers: goes.readers,
        stream,
        dry_run,
    }
}
