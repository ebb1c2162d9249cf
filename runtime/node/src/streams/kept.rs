//! The streams that there are when a node starts: those that metadata tells of, opened as far as that can be done.

use std::fs;
use std::io;
use std::sync::Arc;

use dag_api::CreateStream;
use dag_log::{Committer, OpenError};
use dag_model::StreamId;
use dag_plan::{Change, Origin as Kept, Proposal};

use crate::clock::Clocks;
use crate::deadlines::Deadlines;
use crate::layout::{DataError, Layout, number_of};
use crate::metadata::{MetaError, Metadata, Unreadable};
use crate::streams::skipped;
use crate::streams::source::{Origin, SourceStream, Sources};
use crate::streams::unavailable::Unavailable;

/// Why a node cannot start with the streams that there are.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// What was never made cannot be removed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Nor can the metadata forget it.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A newer dag wrote one of them: then all of this data is for that one.
    #[error(transparent)]
    Newer(OpenError),
}

/// A stream that there is: its number, who writes it, its settings.
type Known = (u64, Origin, CreateStream);

/// What metadata tells of. What was never made is removed: nobody was told that it is there. Rows that cannot be read are added to `unreadable`.
pub(super) fn kept(
    metadata: &Metadata,
    layout: &Layout,
    unreadable: &mut Vec<Unreadable>,
) -> Result<Vec<Known>, KeptError> {
    let mut kept = Vec::new();
    for (id, stream) in metadata.plan().streams() {
        if !stream.made {
            let folder = layout.source(id.0);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(DataError::of(&folder)(error).into());
                }
                _ => metadata.propose(Proposal::of([Change::Remove { stream: id }]))?,
            };
            continue;
        }
        let settings = match &stream.origin {
            Kept::Errors(of) => Ok((Origin::Errors(of.clone()), skipped::settings(of))),
            Kept::Published => serde_json::from_str(&stream.settings).map(|settings| (Origin::Published, settings)),
        };
        match settings {
            Ok((origin, settings)) => kept.push((id.0, origin, settings)),
            Err(why) => {
                let row = Unreadable { table: "sources", key: id.to_string(), why: why.to_string() };
                tracing::error!(stream = stream.name, why = row.why, "the settings of a stream cannot be read");
                unreadable.push(row);
            }
        }
    }
    Ok(kept)
}

/// Removes what is left of streams that metadata has forgotten: a crash came between that and the removal of their files. Their numbers
/// were given, and nobody has them any more.
pub(super) fn remove_forgotten(metadata: &Metadata, layout: &Layout, unreadable: &[Unreadable]) {
    // What cannot be read may be a stream that is to be kept.
    if unreadable.iter().any(|row| row.table == "sources") {
        return;
    }
    let plan = metadata.plan();
    let folders = fs::read_dir(layout.sources()).into_iter().flatten().filter_map(Result::ok);
    for folder in folders.map(|entry| entry.path()) {
        let Some(id) = number_of(&folder).map(StreamId) else { continue };
        if id.0 < plan.counters().stream && plan.stream(id).is_none() {
            tracing::info!(folder = %folder.display(), "removing what is left of a stream that was deleted");
            if let Err(error) = fs::remove_dir_all(&folder) {
                tracing::warn!(folder = %folder.display(), %error, "what is left of a stream that was deleted cannot be removed");
            }
        }
    }
}

/// Opens the logs of all of them, as far as that can be done.
pub(super) fn open(
    layout: &Layout,
    known: Vec<Known>,
    committer: &Committer,
    clock: Clocks,
    deadlines: &Arc<Deadlines<String>>,
) -> Result<(Sources, Unavailable), KeptError> {
    let (mut sources, mut unavailable) = (Sources::new(), Unavailable::default());
    for (number, origin, settings) in known {
        let folder = layout.source(number);
        match SourceStream::open(&folder, origin.clone(), &settings, committer, clock, deadlines) {
            Ok(Ok(source)) => drop(sources.insert(settings.name, Arc::new(source))),
            Ok(Err(newer @ OpenError::Newer { .. })) => return Err(KeptError::Newer(newer)),
            Ok(Err(error)) => unavailable.push(&origin, settings, &error),
            Err(error) => unavailable.push(&origin, settings, &error),
        }
    }
    Ok((sources, unavailable))
}
