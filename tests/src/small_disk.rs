//! A disk that a test can fill.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A small file system in memory, unmounted when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    at: TempDir,
}

impl SmallDisk {
    /// None where mounting is not permitted, which takes root.
    pub fn mount(mebibytes: u64) -> Option<SmallDisk> {
        let disk = SmallDisk { at: tempfile::tempdir().expect("the file system in memory works") };
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.at.path()).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            eprintln!("skipped: a small disk can't be mounted here");
            return None;
        }
        Some(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.at.path()
    }

    /// How many bytes of it are free.
    pub fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(self.at.path()).expect("the file system in memory works");
        found.f_bavail * found.f_frsize
    }

    /// Fills it with a file until only so much is free.
    pub fn leave(&self, bytes: u64) -> PathBuf {
        let path = self.at.path().join("filler");
        let mut file = File::create(&path).expect("the file system in memory works");
        let mut left = self.free() - bytes;
        while left > 0 {
            let some = left.min(64 << 10);
            file.write_all(&vec![1; some as usize]).expect("the file system in memory works");
            left -= some;
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.at.path()).output();
    }
}
