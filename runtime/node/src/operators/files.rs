//! The files of components: bytes by digest, and compiled code, which can be made again.

use std::fs;
use std::path::Path;

use dag_log::Claim;
use dag_model::Digest;
use dag_wasm::Built;

use super::Operators;
use super::error::ComponentError;
use crate::layout::Layout;

impl Operators {
    /// The bytes of a component that was deployed, if they are still those.
    pub(super) fn kept_bytes(&self, digest: Digest) -> Result<Vec<u8>, String> {
        let path = self.layout.component(digest);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if dag_wasm::digest(&bytes) != digest {
            return Err(format!("{}: its bytes are not those that were deployed", path.display()));
        }
        Ok(bytes)
    }

    /// Removes what deployments left that were interrupted, and what was undeployed while the disk did not take it.
    pub fn remove_unknown(&self, is_known: &dyn Fn(Digest) -> bool) {
        self.runtime.keep_only(is_known);
        let known = |path: &Path| Layout::component_of(path).is_some_and(is_known);
        let entries = fs::read_dir(self.layout.components()).into_iter().flatten().filter_map(Result::ok);
        for path in entries.map(|entry| entry.path()).filter(|path| !known(path)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "what an interrupted deployment left cannot be removed");
            }
        }
    }

    /// Keeps a component that is deployed: its bytes durably, and its code if there is room for what can be made again.
    pub fn take_in(&self, built: &Built) -> Result<(), ComponentError> {
        self.admit_to_disk(built)?;
        self.admit_bytes(built)?;
        self.keep(built)?;
        self.keep_code(built);
        Ok(())
    }

    /// Refuses a component that would take more of the disk, with its compiled code, than is left of what all may take.
    fn admit_to_disk(&self, built: &Built) -> Result<(), ComponentError> {
        let limit = self.disk.bytes();
        let folders = [self.layout.components(), self.layout.compiled()].map(fs::read_dir);
        let files = folders.into_iter().flatten().flatten().filter_map(|entry| entry.ok()?.metadata().ok());
        let taken: u64 = files.map(|file| file.len()).sum();
        let more = (built.bytes.len() + built.code.len()) as u64;
        if taken.saturating_add(more) <= limit {
            return Ok(());
        }
        Err(ComponentError::TooLarge { name: built.description.name.clone(), more, taken, limit: self.disk })
    }

    /// Keeps a component's compiled code where there is room for what can be made again.
    pub(super) fn keep_code(&self, built: &Built) {
        let length = built.code.len() as u64;
        match self.committer.admit(Claim::Cache, self.layout.root(), length) {
            Ok(()) => self.runtime.keep(built),
            Err(error) => {
                tracing::warn!(digest = %built.digest, %error, "compiled code is not kept: the next start compiles again")
            }
        }
    }

    /// Asks for room for the bytes of a component that is deployed. What the binary brings is part of what a node needs to start, and
    /// may use what stays free.
    fn admit_bytes(&self, built: &Built) -> Result<(), ComponentError> {
        if self.kept_bytes(built.digest).is_ok() {
            return Ok(());
        }
        let admitted = self.committer.admit(Claim::Kept, self.layout.root(), built.bytes.len() as u64);
        admitted
            .map_err(|no_room| ComponentError::Io { path: self.layout.component(built.digest), source: no_room.into() })
    }

    /// Writes a component's bytes to its file, unless they are there, durably: the metadata is going to speak of it.
    pub(super) fn keep(&self, built: &Built) -> Result<(), ComponentError> {
        let path = self.layout.component(built.digest);
        let kept = match self.kept_bytes(built.digest) {
            Ok(_) => self.committer.storage().sync_dir(&self.layout.components()),
            Err(_) => self.committer.storage().replace(&path, &built.bytes),
        };
        kept.map_err(|source| ComponentError::Io { path, source })
    }
}
