//! The part of all demands that a demand looks at: what is decided on a copy of it, under no lock, is decided alike on the whole.

use std::collections::{BTreeMap, BTreeSet};

use dag_expr::Stream;
use dag_model::IncarnationId;

use super::{Demands, derived};

impl Demands {
    /// A copy with the runs of this stream and of all that it is computed from, and those that these read.
    pub fn part(&self, stream: &Stream) -> Demands {
        let mut names = BTreeSet::new();
        add_names(stream, &mut names);
        let named = self.runs.values().filter(|run| names.contains(&run.record.stream));
        let mut next: Vec<IncarnationId> = named.map(|run| run.record.id).collect();
        let mut runs = BTreeMap::new();
        while let Some(id) = next.pop() {
            let Some(run) = self.runs.get(&id).filter(|_| !runs.contains_key(&id)) else { continue };
            next.extend(run.record.inputs.iter().flat_map(|input| derived(&input.legs)));
            runs.insert(id, run.clone());
        }
        Demands { next_id: self.next_id, linger: self.linger, runs }
    }

    /// The number of the next run.
    pub fn next(&self) -> IncarnationId {
        IncarnationId(self.next_id)
    }
}

fn add_names(stream: &Stream, names: &mut BTreeSet<String>) {
    if let Stream::Apply(application) = stream
        && names.insert(stream.to_string())
    {
        application.inputs.iter().for_each(|input| add_names(&input.stream, names));
    }
}
