//! What lies where in a data folder, and in a backup, which has the same layout. Nobody else joins these paths.
//!
//! ```text
//! lock                             locked as long as a node runs on the folder
//! meta.redb                        the metadata
//! admin.token                      a token for whoever runs the node, where it wants tokens; a backup has none
//! cluster/                         who this node is in its cluster, if it is in one; a backup has none
//! sources/<number>/                the log of a source stream, or of what a derived stream has skipped
//! derived/<incarnation>/           the log of an incarnation
//! derived/<incarnation>/snapshot   its last snapshot
//! components/<digest>.wasm         a component's bytes
//! compiled/<digest>...             compiled code, which can be made again; a backup has none
//! backup.json                      in a backup only: whether it is complete, and of which data
//! ```

use std::io;
use std::path::{Path, PathBuf};

use dag_model::{Digest, IncarnationId};

/// A folder with that layout.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The folder at that path.
    pub fn new(root: impl Into<PathBuf>) -> Layout {
        Layout { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file that who uses the folder locks.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The metadata.
    pub fn metadata(&self) -> PathBuf {
        self.root.join("meta.redb")
    }

    /// A token for whoever runs the node.
    pub fn admin_token(&self) -> PathBuf {
        self.root.join("admin.token")
    }

    /// Who this node is in its cluster.
    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// Whether this is a backup, and of what.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("backup.json")
    }

    /// The logs of source streams.
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// The log of a source stream.
    pub fn source(&self, number: u64) -> PathBuf {
        self.sources().join(number.to_string())
    }

    /// The logs of incarnations.
    pub fn derived(&self) -> PathBuf {
        self.root.join("derived")
    }

    /// The log of an incarnation.
    pub fn incarnation(&self, id: IncarnationId) -> PathBuf {
        self.derived().join(id.to_string())
    }

    /// What is read from elsewhere, while tests ask for that.
    #[cfg(feature = "armed")]
    pub fn mirrors(&self) -> PathBuf {
        self.root.join("mirrors")
    }

    /// The last snapshot of an incarnation.
    pub fn snapshot(&self, id: IncarnationId) -> PathBuf {
        snapshot_in(&self.incarnation(id))
    }

    /// The bytes of components.
    pub fn components(&self) -> PathBuf {
        self.root.join("components")
    }

    /// The bytes of a component.
    pub fn component(&self, digest: Digest) -> PathBuf {
        self.components().join(format!("{digest}.wasm"))
    }

    /// The digest of the component whose bytes a file of that name in [`Layout::components`] has; none of any other file.
    pub fn component_of(path: &Path) -> Option<Digest> {
        let is_component = path.extension().is_some_and(|extension| extension == "wasm");
        is_component.then(|| path.file_stem()?.to_str()?.parse().ok())?
    }

    /// Compiled code.
    pub fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }
}

/// Something in a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct DataError {
    path: PathBuf,
    source: io::Error,
}

impl DataError {
    /// What is the matter with what lies at that path.
    pub fn of(path: &Path) -> impl Fn(io::Error) -> DataError + use<> {
        let path = path.to_owned();
        move |source| DataError { path: path.clone(), source }
    }
}

/// The last snapshot of the incarnation whose log is in that folder.
pub fn snapshot_in(incarnation: &Path) -> PathBuf {
    incarnation.join("snapshot")
}

/// The number that names the folder of a source or an incarnation; none of a folder that this layout does not have.
pub fn number_of(folder: &Path) -> Option<u64> {
    folder.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data folders are older than the node that opens them.
    #[test]
    fn the_layout_is_that_of_every_data_folder_so_far() {
        let layout = Layout::new("/data");
        let digest = Digest([7; 32]);
        let component = format!("/data/components/{}.wasm", "07".repeat(32));
        assert_eq!(layout.lock(), Path::new("/data/lock"));
        assert_eq!(layout.metadata(), Path::new("/data/meta.redb"));
        assert_eq!(layout.manifest(), Path::new("/data/backup.json"));
        assert_eq!(layout.source(3), Path::new("/data/sources/3"));
        assert_eq!(layout.snapshot(IncarnationId(12)), Path::new("/data/derived/12/snapshot"));
        assert_eq!(layout.component(digest), Path::new(&component));
        assert_eq!(layout.compiled(), Path::new("/data/compiled"));
        assert_eq!(Layout::component_of(&layout.component(digest)), Some(digest));
        assert_eq!(Layout::component_of(Path::new("/data/components/x.new")), None);
        assert_eq!((number_of(&layout.source(3)), number_of(Path::new("/data/sources/x"))), (Some(3), None));
    }
}
