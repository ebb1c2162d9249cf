//! Where published records come from: a file that can be read again, or whatever comes through a pipe.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dag_codec::Format;
use sha2::{Digest, Sha256};

/// Bytes in order, wherever they come from.
pub type Bytes = Box<dyn Read + Send>;

/// How much is read at a time.
const READ: usize = 64 * 1024;

/// An input.
pub enum Source {
    /// A regular file.
    File(RegularFile),
    /// Anything else.
    Pipe(File),
}

/// A file that can be read again, so that publishing it can be resumed.
pub struct RegularFile {
    /// How messages call it.
    pub shown: String,
    /// Its path with all links resolved; `-` for standard input.
    path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    file: File,
}

impl Source {
    /// Opens a path, where `-` is standard input.
    pub fn open(path: &Path) -> anyhow::Result<Source> {
        let is_stdin = path == Path::new("-");
        let shown = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let open = || -> io::Result<(File, PathBuf)> {
            if is_stdin {
                Ok((File::from(io::stdin().as_fd().try_clone_to_owned()?), path.to_owned()))
            } else {
                Ok((File::open(path)?, fs::canonicalize(path)?))
            }
        };
        let (file, path) = open().with_context(|| format!("cannot read {shown}"))?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            bail!("cannot read {shown}: it is a folder");
        }
        if !metadata.is_file() {
            return Ok(Source::Pipe(file));
        }
        Ok(Source::File(RegularFile { shown, path, size: metadata.len(), file }))
    }

    /// The bytes, and their format where the name tells it.
    pub fn into_bytes(self) -> (Bytes, Option<Format>) {
        match self {
            Source::Pipe(file) => (Box::new(file), None),
            Source::File(file) => {
                let format = file.format_by_name();
                (Box::new(file.file), format)
            }
        }
    }
}

impl RegularFile {
    /// A digest of where the file is, what is in it and `cut`, which says how it is cut into batches: what makes a batch number
    /// mean the same records again.
    pub fn identity(&mut self, cut: &str) -> io::Result<[u8; 32]> {
        self.file.rewind()?;
        let mut content = Sha256::new();
        io::copy(&mut self.file, &mut content)?;
        let mut identity = Sha256::new();
        for part in [self.path.as_os_str().as_encoded_bytes(), &content.finalize(), cut.as_bytes()] {
            identity.update((part.len() as u64).to_le_bytes());
            identity.update(part);
        }
        Ok(identity.finalize().into())
    }

    /// The last part of the path.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The bytes from the beginning, and their format.
    pub fn into_bytes(mut self, format: Option<Format>) -> anyhow::Result<(Bytes, Format)> {
        self.file.rewind()?;
        let format = format.or_else(|| self.format_by_name());
        with_format(Box::new(self.file), format)
    }

    fn format_by_name(&self) -> Option<Format> {
        Format::from_extension(self.path.extension()?.to_str()?)
    }
}

/// The bytes and their format, which their beginning tells where it is not known. Waits for the first byte then.
pub fn with_format(mut bytes: Bytes, format: Option<Format>) -> anyhow::Result<(Bytes, Format)> {
    if let Some(format) = format {
        return Ok((bytes, format));
    }
    let mut sample = Vec::new();
    while sample.iter().all(u8::is_ascii_whitespace) && sample.len() < READ && bytes.read_some(&mut sample)? > 0 {}
    let format = format_of(&sample)?;
    Ok((Box::new(Cursor::new(sample).chain(bytes)), format))
}

/// The format of text or bytes that begin like this.
fn format_of(sample: &[u8]) -> anyhow::Result<Format> {
    let sample = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample).trim_ascii_start();
    if sample.starts_with(b"ARROW1") {
        bail!("this is an Arrow file, which is read from its end; write it as an Arrow stream instead");
    }
    Ok(match sample.first() {
        Some(b'{') => Format::Json,
        Some(0xff) => Format::Arrow,
        _ => Format::Csv,
    })
}

/// What is left of an input, piece by piece as it comes.
pub trait ReadSome: Read {
    /// Appends what one successful read brings; the number of bytes, 0 at the end.
    fn read_some(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let begin = out.len();
        out.resize(begin + READ, 0);
        let read = loop {
            match self.read(&mut out[begin..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        out.truncate(begin + *read.as_ref().unwrap_or(&0));
        read
    }
}

impl<R: Read> ReadSome for R {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_format() {
        assert_eq!(format_of(b"\n {\"time\":0}").unwrap(), Format::Json);
        assert_eq!(format_of(b"time,value\n").unwrap(), Format::Csv);
        assert_eq!(format_of(b"\xff\xff\xff\xff").unwrap(), Format::Arrow);
        assert!(format_of(b"ARROW1\0\0").is_err());
    }

    #[test]
    fn looking_at_the_beginning_loses_nothing() {
        let (mut bytes, format) = with_format(Box::new(&b"  {\"time\":0}\n"[..]), None).unwrap();
        let mut text = String::new();
        bytes.read_to_string(&mut text).unwrap();
        assert_eq!((format, text.as_str()), (Format::Json, "  {\"time\":0}\n"));
    }

    #[test]
    fn a_file_s_identity_changes_with_its_content_and_its_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let identity = |content: &str, cut: &str| {
            fs::write(&path, content).unwrap();
            let Source::File(mut file) = Source::open(&path).unwrap() else { panic!("a regular file") };
            file.identity(cut).unwrap()
        };
        assert_eq!(identity("time\n1\n", "4096"), identity("time\n1\n", "4096"));
        assert_ne!(identity("time\n1\n", "4096"), identity("time\n1\n", "97"));
        assert_ne!(identity("time\n1\n", "4096"), identity("time\n2\n", "4096"));
    }
}
