//! Folders and files that are for their owner alone, whatever the process's umask says.
//!
//! A folder that nobody else may enter keeps all that is in it, so only what lies at the top of a data folder or a backup has to be
//! made here.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Makes a folder, and those above it, where they are missing. What is there stays as it is.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Makes a folder where it is missing, and takes it from others where it is there.
pub fn own_folder(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    fs::set_permissions(path, Permissions::from_mode(FOLDER))
}

/// Takes a file from others.
pub fn own_file(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(FILE))
}

/// A new, empty file in the place of what has that name, which is removed: a link, too, rather than followed.
pub fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).mode(FILE).open(path)
}

/// Writes a file in the place of what has that name, durably and as a whole: nobody sees a part of it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = new_file(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(path.parent().expect("it lies in a folder"))?.sync_all()
}

/// A file to lock: made where it is missing, opened as it is where it is there. Never a link.
pub fn lock_file(path: &Path) -> io::Result<File> {
    match File::options().write(true).create_new(true).mode(FILE).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other(format!("{} is no file but a link or something else", path.display())));
    }
    File::options().write(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        make_folder(&folder).unwrap();
        assert_eq!((mode(&root.path().join("a")), mode(&folder)), (0o700, 0o700));
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o755);
        own_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        let file = folder.join("file");
        new_file(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn no_link_is_followed_and_no_lock_is_emptied() {
        let root = tempfile::tempdir().unwrap();
        let (victim, link) = (root.path().join("victim"), root.path().join("link"));
        fs::write(&victim, "dear").unwrap();
        symlink(&victim, &link).unwrap();
        assert!(lock_file(&link).is_err());
        new_file(&link).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        lock_file(&victim).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "dear");
    }
}
