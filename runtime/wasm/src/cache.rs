//! Compiled code on disk, so that a restart or a second deploy does not compile again.
//!
//! One file per component, engine and settings, named `<digest>-<engine>.dagc`:
//!
//! ```text
//!  0   8  `dagcode1`: what this is and its version
//!  8  32  SHA-256 of what follows
//! 40   n  wasmtime's serialized component
//! ```
//!
//! A file that does not fit in any way is as good as none: the component is compiled and the file written anew.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dag_model::Digest;
use dag_storage::Storage;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

const MAGIC: &[u8; 8] = b"dagcode1";
const HEADER: usize = 40;
const EXTENSION: &str = ".dagc";
/// What the names of files end in that are not whole yet, see [`Storage::replace`].
const UNFINISHED: &str = ".new";
/// What the names of such files began with in versions before.
const UNFINISHED_BEFORE: &str = ".unfinished-";

/// A folder of compiled components.
pub struct Cache {
    storage: Arc<dyn Storage>,
    folder: PathBuf,
    /// Of the engine's version, its settings and the machine's features.
    engine: String,
}

impl Cache {
    /// Opens the folder, makes it if it is missing, and removes what an engine of another version or with other settings left, and
    /// what a crash did.
    pub fn open(storage: Arc<dyn Storage>, folder: &Path, engine: &Engine) -> io::Result<Cache> {
        storage.create_dir(folder)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Cache { storage, folder: folder.into(), engine: format!("{:016x}", hasher.finish()) };
        for name in cache.storage.list(folder)? {
            let is_stale = name.strip_suffix(EXTENSION).is_some_and(|stem| !stem.ends_with(&cache.engine));
            if is_stale || name.ends_with(UNFINISHED) || name.starts_with(UNFINISHED_BEFORE) {
                cache.storage.remove(&folder.join(name))?;
            }
        }
        Ok(cache)
    }

    /// What was kept, if a sound copy is here: byte for byte what [`put`](Self::put) wrote. That keeps out a torn write and a damaged
    /// disk, but not somebody who writes into the folder on purpose: it lies in the node's own data folder, and who can write there can
    /// already replace all that the node believes.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut file = self.read(digest).ok()?;
        let (header, code) = file.split_at_checked(HEADER)?;
        if header[..8] != MAGIC[..] || header[8..] != Sha256::digest(code)[..] {
            return None;
        }
        file.drain(..HEADER);
        Some(file)
    }

    /// Keeps compiled code. It appears whole or not at all; of two who keep the same at once, one may fail.
    pub fn put(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let file = [&MAGIC[..], &Sha256::digest(code), code].concat();
        self.storage.replace(&self.path(digest), &file)
    }

    /// Removes the code of all components but those that are wanted.
    pub fn keep_only(&self, wanted: &dyn Fn(Digest) -> bool) -> io::Result<()> {
        for name in self.storage.list(&self.folder)? {
            let digest = name.split_once('-').and_then(|(digest, _)| digest.parse().ok());
            if name.ends_with(EXTENSION) && !digest.is_some_and(wanted) {
                self.storage.remove(&self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn read(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let file = self.storage.open(&self.path(digest))?;
        let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}-{}{EXTENSION}", self.engine))
    }
}
