//! Source streams: read [`source`] (a stream), [`settings`] (what of it can be said), [`create`] and [`publish`] (making one, and
//! publishing to it), [`skipped`] (`errors(X)`, to which the node itself publishes) and [`unavailable`] (those that cannot be opened).

pub(crate) mod create;
pub(crate) mod error;
pub(crate) mod publish;
pub(crate) mod settings;
pub(crate) mod skipped;
pub(crate) mod source;
pub(crate) mod unavailable;

use std::fs;
use std::io;

use dag_api::CreateStream;
use dag_plan::{Change, Origin as Kept, Proposal};

use crate::layout::{DataError, Layout};
use crate::metadata::{MetaError, Metadata, Unreadable};
use source::Origin;

/// Why the streams that there are cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// What was never made cannot be removed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Nor can the metadata forget it.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

/// The streams that there are when a node starts, with their numbers. What was never made is removed: nobody was told that it is there.
pub(crate) fn kept(
    metadata: &Metadata,
    layout: &Layout,
    unreadable: &mut Vec<Unreadable>,
) -> Result<Vec<(u64, Origin, CreateStream)>, KeptError> {
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
