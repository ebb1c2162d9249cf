//! Backup: a copy of a running node's data in another folder, on which `dag serve --data` can run.
//!
//! The folder has the layout of a data folder, less what is made again (compiled code), and `backup.json` ([`manifest`]). Why the copy is
//! consistent though everybody goes on meanwhile: what refers is *looked at* before what it refers to, and *put in place* after it.
//!
//! | looked at | what | refers to |
//! |---|---|---|
//! | 1 | snapshots | output that was durable before, inputs that were read before |
//! | 2 | metadata, in one transaction: sources, components, incarnations, cursors | components, logs, positions that were given out |
//! | 3 | how far each derived log is | inputs that were there before |
//! | 4 | how far the logs are of what was skipped | inputs that were there before |
//! | 5 | source logs, as far as they are when each is copied | nothing |
//!
//! They are put in place from the last to the first: source logs, those of what was skipped, derived logs, snapshots, metadata.
//! So at every moment nothing in the folder refers past the end of what is there, and an attempt that is interrupted leaves the backup before it usable, or one
//! that says of itself that it is not complete; the next attempt reuses what is there. Retention that removes segments meanwhile
//! removes what is as well gone from the copy; see [`dag_log::Log::copy`].
//!
//! A node that is started on a copy makes it data of its own (`take_over`): positions past the backup's end are never mistaken for others,
//! and `backup.json` goes, so that no backup is ever made over data that has gone its own way.

mod error;
mod manifest;
mod take_over;
mod target;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use dag_api::BackedUp;
use dag_log::{Claim, Committer, Copied, Extent, Log, Storage};
use dag_model::{Digest, IncarnationId, StreamId};
use dag_plan::{Origin, Plan, SourceStream};

use crate::blocking::blocking;
use crate::clock::now;
use crate::computations::logs::Logs;
use crate::layout::{DataError, Layout, snapshot_in};
use crate::metadata::Metadata;
use crate::private;
use crate::streams::Streams;
pub use error::{BackupError, CopyError};
use manifest::Manifest;

pub(crate) use take_over::{take_over_runs, take_over_sources};
use target::Target;

/// What a file is called until it is put in place.
const PART: &str = "part";

/// How often a source log is tried that retention empties quicker than it is copied.
const ATTEMPTS: usize = 5;

/// Whether the folder is a copy that is to become data of its own.
///
/// # Errors
/// If it is a copy that is not complete, or that a newer dag made.
pub(crate) fn is_copy(data: &Layout) -> Result<bool, CopyError> {
    match Manifest::read(data).map_err(DataError::of(data.root()))? {
        None => Ok(false),
        Some(manifest) if manifest.complete => Ok(true),
        Some(_) => Err(CopyError::Incomplete(data.root().to_owned())),
    }
}

/// What makes backups: it reads what others own, and writes elsewhere.
pub(crate) struct Backups {
    layout: Layout,
    /// The folders that backups may go to, or below.
    folders: Vec<PathBuf>,
    meta: Arc<Metadata>,
    committer: Committer,
    streams: Arc<Streams>,
    logs: Arc<Logs>,
}

impl Backups {
    /// Of the data in that folder, to or below these.
    pub fn new(
        layout: Layout,
        folders: Vec<PathBuf>,
        meta: Arc<Metadata>,
        committer: Committer,
        streams: Arc<Streams>,
        logs: Arc<Logs>,
    ) -> Backups {
        Backups { layout, folders, meta, committer, streams, logs }
    }

    /// Copies all data into the folder, which may hold an earlier backup of it.
    pub async fn back_up(self: &Arc<Self>, folder: PathBuf) -> Result<BackedUp, BackupError> {
        let backups = self.clone();
        blocking(move || backups.back_up_now(&folder)).await
    }

    fn back_up_now(&self, folder: &Path) -> Result<BackedUp, BackupError> {
        let begun = Instant::now();
        let taken = now().to_string();
        let data = self.meta.data()?;
        let storage = &**self.committer.storage();
        let target = Target::open(storage, folder, &self.folders, self.layout.root(), data)?;
        let backup = &target.layout.clone();
        let folder = backup.root();
        let mut copied = Copied::default();
        let failed = BackupError::io(folder);
        let admit = self.admission(folder).map_err(failed)?;

        let snapshots = self.stage_snapshots(backup, &*admit, &mut copied).map_err(failed)?;
        let (staged, plan) = self.stage_metadata(backup)?;
        let derived = self.derived(&plan, &staged)?;
        let errors = self.skipped_logs(&plan)?;

        for (_, deployment) in plan.deployments() {
            self.copy_component(backup, deployment.digest, &*admit, &mut copied).map_err(failed)?;
        }
        let made = || plan.streams().filter(|(_, stream)| stream.made);
        for (id, stream) in made().filter(|(_, stream)| stream.origin == Origin::Published) {
            let source = self.streams.get(&stream.name)?;
            copied.add(copy_source(source.source.log(), &backup.source(id.0), &*admit).map_err(failed)?);
        }
        for (number, log, extent) in &errors {
            copied.add(log.copy(&backup.source(*number), *extent, &*admit).map_err(failed)?);
        }
        for (id, log, extent) in &derived {
            copied.add(log.copy(&backup.incarnation(*id), *extent, &*admit).map_err(failed)?);
        }
        for (staged, place) in snapshots {
            if derived.iter().any(|(id, ..)| place == backup.snapshot(*id)) {
                put(storage, &staged, &place).map_err(failed)?;
            }
        }
        copied.written += fs::metadata(&staged).map_err(failed)?.len();
        put(storage, &staged, &backup.metadata()).map_err(failed)?;
        let sources: Vec<String> = made().map(|(id, _)| id.to_string()).collect();
        keep_only(storage, &backup.sources(), &sources).map_err(failed)?;
        keep_only(storage, &backup.derived(), &derived.iter().map(|(id, ..)| id.to_string()).collect::<Vec<_>>())
            .map_err(failed)?;
        target.complete(taken).map_err(failed)?;
        Ok(BackedUp {
            directory: folder.display().to_string(),
            written: copied.written,
            reused: copied.reused,
            sources: sources.len() as u64,
            derived: derived.len() as u64,
            components: plan.deployments().count() as u64,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// What asks for room before so many bytes are copied: a backup on the disk of the data does not use up what stays free of it.
    fn admission(&self, folder: &Path) -> io::Result<Box<Admit>> {
        let data = self.layout.root().to_owned();
        let same = fs::metadata(folder)?.dev() == fs::metadata(&data)?.dev();
        let committer = self.committer.clone();
        Ok(Box::new(move |bytes| match same {
            true => Ok(committer.admit(Claim::Kept, &data, bytes)?),
            false => Ok(()),
        }))
    }

    /// Copies all snapshots beside the places that they will have; returns both.
    fn stage_snapshots(
        &self,
        backup: &Layout,
        admit: &Admit,
        copied: &mut Copied,
    ) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        let mut staged = Vec::new();
        for entry in fs::read_dir(self.layout.derived())? {
            let entry = entry?;
            let mut snapshot = match File::open(snapshot_in(&entry.path())) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            let place = snapshot_in(&backup.derived().join(entry.file_name()));
            let part = place.with_extension(PART);
            fs::create_dir_all(part.parent().expect("it lies in its incarnation's folder"))?;
            admit(snapshot.metadata()?.len())?;
            copied.written += write(&mut snapshot, &part)?;
            staged.push((part, place));
        }
        Ok(staged)
    }

    /// Copies the metadata beside its place, and reads what is in that copy.
    fn stage_metadata(&self, backup: &Layout) -> Result<(PathBuf, Plan), BackupError> {
        let (folder, part) = (backup.root(), backup.metadata().with_extension(PART));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(BackupError::io(folder)(error)),
            _ => {}
        }
        self.meta.copy(&part)?;
        private::own_file(&part).map_err(BackupError::io(folder))?;
        let (plan, _) = Metadata::look(&part)?;
        Ok((part, plan))
    }

    /// The derived logs, and how far they are; those that are gone are taken out of the copied metadata.
    fn derived(&self, plan: &Plan, staged: &Path) -> Result<Vec<(IncarnationId, Log, Extent)>, BackupError> {
        let (mut derived, mut gone) = (Vec::new(), Vec::new());
        for (id, _) in plan.incarnations() {
            match self.logs.get(id) {
                Ok(log) => {
                    let extent = log.extent();
                    derived.push((id, log, extent));
                }
                Err(dag_log::OpenError::Missing(_)) => gone.push(id),
                Err(error) => return Err(error.into()),
            }
        }
        if !gone.is_empty() {
            Metadata::forget_in(staged, &gone)?;
        }
        Ok(derived)
    }

    /// The logs of what derived streams have skipped, and how far they are.
    fn skipped_logs(&self, plan: &Plan) -> Result<Vec<(u64, Log, Extent)>, BackupError> {
        let log = |(id, stream): (StreamId, &Arc<SourceStream>)| {
            let log = self.streams.get(&stream.name)?.source.log().clone();
            let extent = log.extent();
            Ok((id.0, log, extent))
        };
        let errors = plan.streams().filter(|(_, stream)| stream.made && stream.origin != Origin::Published);
        errors.map(log).collect()
    }

    /// Copies a component, whose name is the digest of its bytes: what is there needs no second look.
    fn copy_component(&self, backup: &Layout, digest: Digest, admit: &Admit, copied: &mut Copied) -> io::Result<()> {
        let place = backup.component(digest);
        if let Ok(there) = fs::metadata(&place) {
            copied.reused += there.len();
            return Ok(());
        }
        let bytes = fs::read(self.layout.component(digest))?;
        admit(bytes.len() as u64)?;
        self.committer.storage().replace(&place, &bytes)?;
        copied.written += bytes.len() as u64;
        Ok(())
    }
}

/// Asks for room before so many bytes are written.
type Admit = dyn Fn(u64) -> io::Result<()>;

/// Copies a source's log as far as it is now.
fn copy_source(log: &Log, to: &Path, admit: &Admit) -> io::Result<Copied> {
    let attempts = std::iter::repeat_with(|| log.copy(to, log.extent(), admit)).take(ATTEMPTS);
    attempts.reduce(|before, next| before.or(next)).expect("there is one attempt at least")
}

/// Writes all of a file to another one, durably; returns how much that was.
fn write(from: &mut File, to: &Path) -> io::Result<u64> {
    let mut file = private::new_file(to)?;
    let length = io::copy(from, &mut file)?;
    file.sync_all()?;
    Ok(length)
}

/// Gives a file its name, durably.
fn put(storage: &dyn Storage, part: &Path, place: &Path) -> io::Result<()> {
    storage.rename(part, place)?;
    storage.sync_dir(place.parent().expect("it lies in a folder"))
}

/// Removes all folders but these.
fn keep_only(storage: &dyn Storage, folder: &Path, names: &[String]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !names.iter().any(|name| entry.file_name() == name.as_str()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    storage.sync_dir(folder)
}
