//! A file system in memory that knows what a power cut would leave of it.

use std::io;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dag_storage::{Space, Storage, StorageFile};

use crate::Operation;
use crate::file::Content;
use crate::folder::{Folder, Number};

/// The number of the folder `/`.
const ROOT: Number = 0;

/// A disk in memory. Clones are the same disk.
///
/// Content is durable once its file is synced, a name once its folder is: that is all that POSIX promises. The power can
/// go off at a chosen operation ([`power_off_at`](Disk::power_off_at)): that one and all later ones fail and change
/// nothing. [`cut_power`](Disk::cut_power) gives the disk that is found when the power is back.
#[derive(Clone, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    operations: Vec<Operation>,
    off_at: Option<usize>,
    forgets_at: Option<usize>,
    /// Bytes that fit on it; none where all do.
    size: Option<u64>,
}

#[derive(Clone)]
enum Node {
    File(Content),
    Folder(Folder),
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        Disk::with(vec![Node::Folder(Folder::default())])
    }

    fn with(nodes: Vec<Node>) -> Disk {
        Disk { state: Arc::new(Mutex::new(State { nodes, ..State::default() })) }
    }

    /// Makes the power go off before the operation with that number, counted from 0 for the first of this disk.
    pub fn power_off_at(&self, operation: usize) {
        self.state().off_at = Some(operation);
    }

    /// Makes the sync of a file fail that is the operation with that number, as a kernel does which takes the pages that it could
    /// not write for written from then on.
    pub fn forget_at(&self, operation: usize) {
        self.state().forgets_at = Some(operation);
    }

    /// Lets no more than so many bytes fit, names not counted.
    pub fn resize(&self, bytes: u64) {
        self.state().size = Some(bytes);
    }

    /// The operations so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    /// The disk after a power cut. Of what was not durable, any part may be there: `choose(n)` says which of n
    /// possibilities it is, 0 being the one in which most is lost.
    pub fn cut_power(&self, mut choose: impl FnMut(usize) -> usize) -> Disk {
        let cut = |node: &Node| match node {
            Node::File(content) => Node::File(content.cut(&mut choose)),
            Node::Folder(folder) => Node::Folder(folder.cut(&mut choose)),
        };
        Disk::with(self.state().nodes.iter().map(cut).collect())
    }

    /// Flips a bit of a file, durably.
    pub fn flip(&self, path: &Path, bit: usize) -> io::Result<()> {
        let mut state = self.state();
        let number = state.find(path)?;
        let content = state.file(number)?;
        let flipped = content.now()[bit / 8] ^ 1 << (bit % 8);
        content.write(bit / 8, &[flipped]);
        content.sync();
        Ok(())
    }

    /// A copy that shares nothing with this disk, all of it durable.
    pub fn copy(&self) -> Disk {
        let mut nodes = self.state().nodes.clone();
        nodes.iter_mut().for_each(|node| match node {
            Node::File(content) => content.sync(),
            Node::Folder(folder) => folder.sync(),
        });
        Disk::with(nodes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation, unless the power is off.
    fn begin(&self, operation: Operation) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.off_at.is_some_and(|off| state.operations.len() >= off) {
            return Err(io::Error::other("the power is off"));
        }
        state.operations.push(operation);
        Ok(state)
    }
}

impl State {
    fn file(&mut self, number: Number) -> io::Result<&mut Content> {
        match &mut self.nodes[number] {
            Node::File(content) => Ok(content),
            Node::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn folder(&mut self, number: Number) -> io::Result<&mut Folder> {
        match &mut self.nodes[number] {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Bytes in the files below a folder.
    fn used(&self, number: Number) -> u64 {
        match &self.nodes[number] {
            Node::File(content) => content.now().len() as u64,
            Node::Folder(folder) => folder.names().values().map(|number| self.used(*number)).sum(),
        }
    }

    fn find(&mut self, path: &Path) -> io::Result<Number> {
        path.components().filter(|part| *part != Component::RootDir).try_fold(ROOT, |number, part| {
            let name = part.as_os_str().to_string_lossy();
            self.folder(number)?.names().get(&*name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    /// The folder that a path lies in, and its name there.
    fn parent(&mut self, path: &Path) -> io::Result<(&mut Folder, String)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let number = self.find(parent)?;
        Ok((self.folder(number)?, name.to_string_lossy().into_owned()))
    }

    /// Puts a new file or folder under a name that is free.
    fn add(&mut self, path: &Path, node: Node) -> io::Result<Number> {
        let number = self.nodes.len();
        let (folder, name) = self.parent(path)?;
        if folder.names().contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        folder.change(vec![(name, Some(number))]);
        self.nodes.push(node);
        Ok(number)
    }
}

impl Storage for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let number = self.begin(Operation::Create)?.add(path, Node::File(Content::default()))?;
        Ok(Arc::new(DiskFile { disk: self.clone(), number, failed: AtomicBool::new(false) }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.begin(Operation::Open)?;
        let number = state.find(path)?;
        state.file(number)?;
        drop(state);
        Ok(Arc::new(DiskFile { disk: self.clone(), number, failed: AtomicBool::new(false) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent(), "files are renamed within their folder");
        let mut state = self.begin(Operation::Rename)?;
        let number = state.find(from)?;
        let (_, old) = state.parent(from)?;
        let (folder, new) = state.parent(to)?;
        folder.change(vec![(old, None), (new, Some(number))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::Remove)?;
        let number = state.find(path)?;
        state.file(number)?;
        let (folder, name) = state.parent(path)?;
        folder.change(vec![(name, None)]);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut state = self.begin(Operation::List)?;
        let number = state.find(dir)?;
        Ok(state.folder(number)?.names().keys().cloned().collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::CreateDir)?;
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| state.find(dir).is_err()).collect();
        for dir in missing.iter().rev() {
            state.add(dir, Node::Folder(Folder::default()))?;
        }
        for dir in missing.iter().skip(1) {
            state.parent(dir)?.0.sync();
        }
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::RemoveDir)?;
        let number = state.find(dir)?;
        if !state.folder(number)?.names().is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let (folder, name) = state.parent(dir)?;
        folder.change(vec![(name, None)]);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::SyncDir)?;
        let number = state.find(dir)?;
        state.folder(number)?.sync();
        Ok(())
    }

    fn space(&self, _dir: &Path) -> io::Result<Space> {
        let state = self.begin(Operation::Space)?;
        let total = state.size.unwrap_or(u64::MAX);
        Ok(Space { free: total.saturating_sub(state.used(ROOT)), total })
    }
}

/// An open file of a [`Disk`]. It can be used after its name is gone.
struct DiskFile {
    disk: Disk,
    number: Number,
    /// Whether a sync of it has failed.
    failed: AtomicBool,
}

impl StorageFile for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.begin(Operation::Read)?;
        let content = state.file(self.number)?.now();
        let range = offset as usize..offset as usize + buffer.len();
        buffer.copy_from_slice(content.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.begin(Operation::Write)?;
        let grows = (offset + bytes.len() as u64).saturating_sub(state.file(self.number)?.now().len() as u64);
        // What has its place already takes none, however full the disk.
        if grows > 0 && state.size.is_some_and(|size| state.used(ROOT) + grows > size) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.file(self.number)?.write(offset as usize, bytes);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.begin(Operation::Sync)?;
        let forgets = state.forgets_at == Some(state.operations.len() - 1);
        let content = state.file(self.number)?;
        if forgets {
            content.forget();
            self.failed.store(true, Ordering::SeqCst);
        }
        if self.failed.load(Ordering::SeqCst) {
            return Err(io::Error::other("a sync of this file failed"));
        }
        content.sync();
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.begin(Operation::Length)?.file(self.number)?.now().len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.begin(Operation::Truncate)?.file(self.number)?.truncate(length as usize);
        Ok(())
    }
}
