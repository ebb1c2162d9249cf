//! What a node keeps of its identity, in a folder for its user alone.
//!
//! ```text
//! ca.pem     the certificate of the cluster's authority, which may be given to anybody
//! ca.key     the authority's key: whoever has it can make nodes of the cluster; only where certificates are signed
//! node.pem   the node's certificate, which says its cluster, its number and its folder's
//! node.key   its key
//! ```
//!
//! All are PEM, the keys PKCS #8. The folder comes to be as a whole, under its name; what is replaced later, the node's certificate, is replaced
//! as a whole, too.
//!
//! The authority's key is not encrypted as long as one node has it. That node signs whenever a certificate is due, with nobody there to type anything, so what decrypts
//! the key would lie beside it, for the same user. It is once several nodes keep it that it travels, and is kept where not all of them are trusted alike.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dag_model::NodeId;
use pem::{EncodeConfig, LineEnding, Pem};
use rustls::pki_types::CertificateDer;

use crate::identity::{
    Authority, AuthorityError, ClusterId, Credentials, FolderId, Identity, Key, NODE_VALIDITY, NotANode, Trust,
};

const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "node.pem";
const KEY: &str = "node.key";

/// The most bytes of a file that is looked at.
const MAX_FILE: u64 = 64 << 10;

/// A certificate is renewed when less than this of its time is left: a third.
const LEFT: Duration = Duration::from_secs(NODE_VALIDITY.as_secs() / 3);

/// The number of the node that makes a cluster.
const FIRST: NodeId = NodeId(1);

/// Why an identity cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file or the folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was found, and what was expected.
        why: String,
    },
    /// There is one already.
    #[error("{} is there: this folder is of the cluster {cluster}, as node {node}", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
        /// Its cluster.
        cluster: ClusterId,
        /// Its number there.
        node: NodeId,
    },
    /// No certificate can be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// A node's identity, as it is kept.
pub struct Kept {
    folder: PathBuf,
    identity: Identity,
    key: Arc<Key>,
    certificate: CertificateDer<'static>,
    believed: CertificateDer<'static>,
    /// Where this node signs.
    authority: Option<Authority>,
}

impl Kept {
    /// What is kept in that folder; none where there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is not whole.
    pub fn open(folder: &Path) -> Result<Option<Kept>, KeptError> {
        if !fs::exists(folder).map_err(failed(folder))? {
            return Ok(None);
        }
        let (certificate, believed) = (certificate(&folder.join(CERTIFICATE))?, certificate(&folder.join(AUTHORITY))?);
        let path = folder.join(CERTIFICATE);
        let bad = |error: NotANode| KeptError::File { path, why: error.to_string() };
        let identity = Identity::of(&certificate).map_err(bad)?;
        let authority = match fs::exists(folder.join(AUTHORITY_KEY)).map_err(failed(folder))? {
            true => Some(Authority::open(identity.cluster, &believed, key(&folder.join(AUTHORITY_KEY))?)?),
            false => None,
        };
        let key = Arc::new(key(&folder.join(KEY))?);
        Ok(Some(Kept { folder: folder.to_owned(), identity, key, certificate, believed, authority }))
    }

    /// Makes a new cluster, of which this is node 1, in a folder that is not there yet. Nobody sees a part of it.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn found(folder: &Path, now: SystemTime) -> Result<Kept, KeptError> {
        if let Some(Kept { identity: Identity { cluster, node, .. }, .. }) = Kept::open(folder)? {
            return Err(KeptError::Exists { path: folder.to_owned(), cluster, node });
        }
        let cluster = ClusterId::random();
        let identity = Identity { cluster, node: FIRST, folder: FolderId::random() };
        let (authority, key) = (Authority::new(cluster, now)?, Key::generate()?);
        let certificate = authority.sign(&key.request()?, &identity, now, NODE_VALIDITY)?;
        let files = [
            (AUTHORITY, "CERTIFICATE", authority.certificate().to_vec()),
            (AUTHORITY_KEY, "PRIVATE KEY", authority.to_pkcs8()),
            (CERTIFICATE, "CERTIFICATE", certificate.to_vec()),
            (KEY, "PRIVATE KEY", key.to_pkcs8()),
        ];
        let part = folder.with_extension("part");
        if fs::exists(&part).map_err(failed(&part))? {
            fs::remove_dir_all(&part).map_err(failed(&part))?;
        }
        DirBuilder::new().mode(0o700).create(&part).map_err(failed(&part))?;
        for (name, kind, bytes) in files {
            write(&part.join(name), kind, bytes)?;
        }
        sync_folder(&part)?;
        fs::rename(&part, folder).map_err(failed(folder))?;
        sync_folder(folder.parent().unwrap_or(folder))?;
        let (folder, believed) = (folder.to_owned(), authority.certificate().clone());
        Ok(Kept { folder, identity, key: Arc::new(key), certificate, believed, authority: Some(authority) })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The file with the certificate of the cluster's authority, which clients are to believe.
    pub fn authority_file(&self) -> PathBuf {
        self.folder.join(AUTHORITY)
    }

    /// What it shows to other nodes.
    pub fn credentials(&self) -> Credentials {
        Credentials { certificate: self.certificate.clone(), key: self.key.clone() }
    }

    /// What it believes of them, as long as nobody is removed.
    pub fn trust(&self) -> Trust {
        Trust::in_authority(self.identity.cluster, self.believed.clone())
    }

    /// Gives the node another certificate if a third of its time is left, or less. Says whether.
    ///
    /// # Errors
    /// If another node has to sign it, or it cannot be written.
    pub fn renew(&mut self, now: SystemTime) -> Result<bool, KeptError> {
        let holds = self.trust().judge(std::slice::from_ref(&self.certificate), now + LEFT).is_ok();
        let Some(authority) = self.authority.as_ref().filter(|_| !holds) else { return Ok(false) };
        let certificate = authority.sign(&self.key.request()?, &self.identity, now, NODE_VALIDITY)?;
        let (path, part) = (self.folder.join(CERTIFICATE), self.folder.join("node.part"));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&part)(error)),
            _ => {}
        }
        write(&part, "CERTIFICATE", certificate.to_vec())?;
        fs::rename(&part, &path).map_err(failed(&path))?;
        sync_folder(&self.folder)?;
        self.certificate = certificate;
        Ok(true)
    }

    /// A certificate and its key for a server of this node that clients come to by these names and addresses; none where another node has to sign it.
    ///
    /// # Errors
    /// If a name is none, or one by which nodes know each other.
    pub fn certify_server(
        &self,
        names: &[String],
        now: SystemTime,
    ) -> Result<Option<(CertificateDer<'static>, Key)>, KeptError> {
        let Some(authority) = &self.authority else { return Ok(None) };
        let key = Key::generate()?;
        let certificate = authority.sign_server(&key.request()?, names, now, NODE_VALIDITY)?;
        Ok(Some((certificate, key)))
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeptError + use<> {
    let path = path.to_owned();
    move |source| KeptError::Io { path: path.clone(), source }
}

fn sync_folder(folder: &Path) -> Result<(), KeptError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn write(path: &Path, kind: &str, bytes: Vec<u8>) -> Result<(), KeptError> {
    let text = pem::encode_config(&Pem::new(kind, bytes), EncodeConfig::new().set_line_ending(LineEnding::LF));
    let written = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    written().map_err(failed(path))
}

fn certificate(path: &Path) -> Result<CertificateDer<'static>, KeptError> {
    read(path, "CERTIFICATE").map(CertificateDer::from)
}

fn key(path: &Path) -> Result<Key, KeptError> {
    let bad = |error: AuthorityError| KeptError::File { path: path.to_owned(), why: error.to_string() };
    Key::from_pkcs8(&read(path, "PRIVATE KEY")?).map_err(bad)
}

fn read(path: &Path, kind: &str) -> Result<Vec<u8>, KeptError> {
    let bad = |why: String| KeptError::File { path: path.to_owned(), why };
    let length = fs::metadata(path).map_err(failed(path))?.len();
    if length > MAX_FILE {
        return Err(bad(format!("it has {length} bytes, and at most {MAX_FILE} are expected")));
    }
    let text = fs::read(path).map_err(failed(path))?;
    let pem = pem::parse(&text).map_err(|error| bad(format!("PEM of a {kind} is expected: {error}")))?;
    if pem.tag() != kind {
        return Err(bad(format!("PEM of a {kind} is expected, found one of a {}", pem.tag())));
    }
    Ok(pem.into_contents())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_cluster_is_made_once_and_found_again() {
        let data = tempfile::tempdir().unwrap();
        let (folder, now) = (data.path().join("cluster"), SystemTime::now());
        assert!(Kept::open(&folder).unwrap().is_none());
        // An attempt that was interrupted is no obstacle.
        fs::create_dir(data.path().join("cluster.part")).unwrap();
        let made = Kept::found(&folder, now).unwrap();
        assert_eq!(made.identity().node, NodeId(1));
        let found = Kept::open(&folder).unwrap().unwrap();
        assert_eq!(
            (found.identity(), found.credentials().certificate),
            (made.identity(), made.credentials().certificate)
        );
        assert_eq!(found.trust().judge(&[found.credentials().certificate], now), Ok(*made.identity()));
        let again = Kept::found(&folder, now).err().unwrap().to_string();
        assert!(again.contains(&format!("is of the cluster {}, as node 1", made.identity().cluster)), "{again}");

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for name in [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY] {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_time() {
        let data = tempfile::tempdir().unwrap();
        let (folder, now) = (data.path().join("cluster"), SystemTime::now());
        let mut kept = Kept::found(&folder, now).unwrap();
        let first = kept.credentials().certificate;
        assert!(!kept.renew(now + 59 * DAY).unwrap());
        assert!(kept.renew(now + 61 * DAY).unwrap());
        let second = kept.credentials().certificate;
        assert_ne!(first, second);
        let later = Kept::open(&folder).unwrap().unwrap();
        assert_eq!(later.credentials().certificate, second);
        assert!(later.trust().judge(&[second], now + 150 * DAY).is_ok());
        // A node that was off for longer than its certificate holds.
        assert!(kept.renew(now + 500 * DAY).unwrap());
    }

    #[test]
    fn a_server_of_a_node_is_no_node() {
        let data = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let kept = Kept::found(&data.path().join("cluster"), now).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (server, _) = kept.certify_server(&names(&["dag.example.com", "10.0.0.7"]), now).unwrap().unwrap();
        assert!(kept.trust().judge(&[server], now).is_err());
        let taken = kept.identity().names();
        let refused = kept.certify_server(&taken, now).err().unwrap().to_string();
        assert!(refused.contains("is a name by which nodes know each other"), "{refused}");
    }

    #[test]
    fn what_is_damaged_is_named() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("cluster");
        Kept::found(&folder, SystemTime::now()).unwrap();
        let why = || Kept::open(&folder).err().unwrap().to_string();
        fs::copy(folder.join(KEY), folder.join(CERTIFICATE)).unwrap();
        assert!(why().ends_with("node.pem: PEM of a CERTIFICATE is expected, found one of a PRIVATE KEY"), "{}", why());
        fs::copy(folder.join(AUTHORITY), folder.join(CERTIFICATE)).unwrap();
        assert!(why().contains("node.pem: a certificate that names no node"), "{}", why());
        fs::remove_file(folder.join(CERTIFICATE)).unwrap();
        assert!(why().contains("node.pem: No such file"), "{}", why());
    }
}
