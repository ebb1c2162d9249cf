//! Making a copy data of its own, when a node is first started on it.
//!
//! The original goes on, and so does the copy, each with other records. So that no position ever means two of them, all that goes on in
//! the copy gets numbers that neither the original nor another copy of it will use: sources begin a new epoch, and runs of derived
//! streams get other numbers ([`crate::metadata::moved`]). The numbers begin at one that is drawn.
//!
//! It is done once `backup.json` is gone, and begun again until then. The metadata says in the transaction that gives the numbers that it
//! is no longer a copy; the folders of logs are renamed after that.

use std::collections::BTreeMap;
use std::io;

use dag_log::{Committer, Log, Storage};
use dag_model::{Frontier, IncarnationId};
use dag_plan::Plan;
use dag_plan::plan::Moved;

use super::error::CopyError;
use super::manifest::Manifest;
use crate::clock::now;
use crate::computations::logs;
use crate::layout::{DataError, Layout};
use crate::metadata::Metadata;
use crate::streams::Streams;

/// Draws how far apart the numbers of a copy lie from those that its original has used.
fn drawn() -> u64 {
    u64::from(crate::metadata::new_number() as u32)
}

/// Gives other numbers to all runs of a copy, unless that has been done.
pub(crate) fn take_over_runs(layout: &Layout, committer: &Committer) -> Result<(), CopyError> {
    let file = layout.metadata();
    let failed = DataError::of(layout.root());
    let manifest = Manifest::read(layout).map_err(&failed)?;
    let number = format!("{:016x}", Metadata::data_of(&file)?);
    match manifest {
        Some(manifest) if manifest.data == number => {
            let (plan, _) = Metadata::look(&file)?;
            Metadata::renew(&file, &moves(layout, &plan, committer))?;
        }
        _ => {}
    }
    let (plan, _) = Metadata::look(&file)?;
    for (id, now) in plan.all_moved() {
        match committer.storage().rename(&layout.incarnation(id), &layout.incarnation(now.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error).into()),
            _ => {}
        }
    }
    Ok(committer.storage().sync_dir(&layout.derived()).map_err(&failed)?)
}

/// Where each run goes, and how much of it is there.
fn moves(layout: &Layout, plan: &Plan, committer: &Committer) -> BTreeMap<IncarnationId, Moved> {
    let first = plan.counters().incarnation + drawn();
    let moved = plan.incarnations().map(|(id, _)| id).enumerate().map(|(place, id)| {
        // What cannot be read is nothing that a reader could go on from.
        let log = Log::open(&layout.incarnation(id), logs::options(), committer);
        let end = log.map_or(0, |log| log.visible().end);
        (id, Moved { id: IncarnationId(first + place as u64), end })
    });
    moved.collect()
}

/// Lets all sources of a copy begin a new epoch; it is data of its own then.
pub(crate) fn take_over_sources(storage: &dyn Storage, layout: &Layout, streams: &Streams) -> Result<(), CopyError> {
    let failed = |why: String| CopyError::Stream { folder: layout.root().to_owned(), why };
    if let Some((_, why)) = streams.unavailable().all().next() {
        return Err(failed(why.to_string()));
    }
    let skipped = drawn();
    let sources = streams.all();
    // Nothing follows on what is sealed.
    let open = sources.values().filter(|source| source.source.log().visible().frontier != Frontier::Empty);
    for source in open {
        // What follows is not what some reader may have seen of another copy of this log.
        let epoch = source.source.epoch().saturating_add(1).saturating_add(skipped);
        source.source.begin_epoch(epoch, now()).map_err(|error| failed(error.to_string()))?;
    }
    Ok(Manifest::remove(storage, layout).map_err(DataError::of(layout.root()))?)
}
