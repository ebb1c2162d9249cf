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

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dag_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

const MAGIC: &[u8; 8] = b"dagcode1";
const HEADER: usize = 40;
const EXTENSION: &str = "dagc";
/// What the names of files begin with that are not whole yet.
const UNFINISHED: &str = ".unfinished-";

/// A folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    /// Of the engine's version, its settings and the machine's features.
    engine: String,
}

impl Cache {
    /// Opens the folder, makes it if it is missing, and removes what an engine of another version or with other settings left, and
    /// what a crash did.
    pub fn open(folder: &Path, engine: &Engine) -> io::Result<Cache> {
        fs::create_dir_all(folder)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Cache { folder: folder.into(), engine: format!("{:016x}", hasher.finish()) };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let is_code = path.extension().is_some_and(|extension| extension == EXTENSION);
            if is_code && !stem.ends_with(&cache.engine) || stem.starts_with(UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(cache)
    }

    /// What was kept, if a sound copy is here: byte for byte what [`put`](Self::put) wrote. That keeps out a torn write and a damaged
    /// disk, but not somebody who writes into the folder on purpose: it lies in the node's own data folder, and who can write there can
    /// already replace all that the node believes.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut file = fs::read(self.path(digest)).ok()?;
        let (header, code) = file.split_at_checked(HEADER)?;
        if header[..8] != MAGIC[..] || header[8..] != Sha256::digest(code)[..] {
            return None;
        }
        file.drain(..HEADER);
        Some(file)
    }

    /// Keeps compiled code. It appears whole or not at all.
    pub fn put(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(code))?;
        dag_fault::point("compile");
        file.write_all(code)?;
        dag_fault::point("compile");
        file.persist(self.path(digest))?;
        Ok(())
    }

    /// Removes the code of all components but those that are wanted.
    pub fn keep_only(&self, wanted: &dyn Fn(Digest) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_code = path.extension().is_some_and(|extension| extension == EXTENSION);
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let digest = stem.split_once('-').and_then(|(digest, _)| digest.parse().ok());
            if is_code && !digest.is_some_and(wanted) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}-{}.{EXTENSION}", self.engine))
    }
}
