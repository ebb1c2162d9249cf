//! What a node shows to clients that come over TLS: a certificate, which may become another one while it runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use webpki::EndEntityCert;

/// How often it is looked whether there is another certificate.
const LOOKING: Duration = Duration::from_secs(60);

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or is none of what it should be.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was found, and what was expected.
        why: String,
    },
    /// The key is another one's.
    #[error("the key in {} is not that of the certificate in {}: {why}", key.display(), certificate.display())]
    Key {
        /// The key's file.
        key: PathBuf,
        /// The certificate's.
        certificate: PathBuf,
        /// What the library says.
        why: String,
    },
    /// None is made.
    #[error("no certificate can be made: {0}")]
    Made(String),
}

/// Where certificates come from.
pub trait Certificates: Send {
    /// The certificate that is to be shown from now on, with its key; none if that is the one from before. It may read files.
    ///
    /// # Errors
    /// If there should be another one and is not: that from before is shown, and this is asked again.
    fn newer(&mut self, now: SystemTime) -> Result<Option<CertifiedKey>, TlsError>;
}

/// What is shown to clients, and how they are answered. Clones are of the same.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    /// Taken by whoever keeps what is shown current.
    source: Arc<Mutex<Option<Box<dyn Certificates>>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("names", &self.names()).finish_non_exhaustive()
    }
}

/// What is shown now. Locked for no longer than a pointer is copied.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn now(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another one if there is one.
    fn look(&self, source: &mut dyn Certificates, now: SystemTime) {
        match source.newer(now) {
            Ok(None) => {}
            Ok(Some(newer)) => {
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(newer);
                tracing::info!("clients are shown another certificate from now on");
            }
            Err(error) => tracing::warn!(%error, "clients are shown the certificate from before"),
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }
}

impl Tls {
    /// The certificate in that file, with those between it and its authority behind it, and the key in the other; both are PEM. They are
    /// read again when they change.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        Tls::of(Files { certificate: certificate.to_owned(), key: key.to_owned(), seen: None })
    }

    /// The certificates that come from there.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(mut source: impl Certificates + 'static) -> Result<Tls, TlsError> {
        let first = source.newer(SystemTime::now())?.ok_or_else(|| TlsError::Made("there is none".to_owned()))?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(first))));
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13]).expect("the provider has ciphers of TLS 1.3");
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), shown, source: Arc::new(Mutex::new(Some(Box::new(source)))) })
    }

    /// How clients are answered.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The DNS names of the certificate, by which the node may be asked. One may begin with `*.`, which is any one label.
    pub(crate) fn names(&self) -> Vec<String> {
        let shown = self.shown.now();
        let certificate = shown.end_entity_cert().ok().and_then(|own| EndEntityCert::try_from(own).ok());
        certificate.map_or_else(Vec::new, |own| own.valid_dns_names().map(str::to_lowercase).collect())
    }

    /// Shows another certificate whenever there is one, for ever.
    pub(crate) async fn keep_current(self) {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut source) = source else { return };
        loop {
            tokio::time::sleep(LOOKING).await;
            self.shown.look(&mut *source, SystemTime::now());
        }
    }
}

/// A certificate's file and its key's.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// When they had last changed that were read last.
    seen: Option<[SystemTime; 2]>,
}

impl Certificates for Files {
    fn newer(&mut self, _: SystemTime) -> Result<Option<CertifiedKey>, TlsError> {
        let changed = [changed_at(&self.certificate)?, changed_at(&self.key)?];
        if self.seen == Some(changed) {
            return Ok(None);
        }
        // One file may have come and the other not yet: they are read again until they belong together.
        let read = read(&self.certificate, &self.key)?;
        self.seen = Some(changed);
        Ok(Some(read))
    }
}

fn changed_at(file: &Path) -> Result<SystemTime, TlsError> {
    let changed = file.metadata().and_then(|of| of.modified());
    changed.map_err(|error| TlsError::File { file: file.to_owned(), why: error.to_string() })
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let unreadable = |file: &Path, error: pem::Error, expected: &str| {
        let why = match error {
            pem::Error::Io(error) => error.to_string(),
            pem::Error::NoItemsFound => format!("there is no {expected} in it; PEM is expected"),
            error => format!("{error}; PEM is expected"),
        };
        TlsError::File { file: file.to_owned(), why }
    };
    let bad = |error| unreadable(certificate, error, "certificate");
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(bad)?;
    if chain.is_empty() {
        return Err(bad(pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error, "private key"))?;
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| TlsError::Key {
        key: key.to_owned(),
        certificate: certificate.to_owned(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn why(certificate: &Path, key: &Path) -> String {
        Tls::of_files(certificate, key).unwrap_err().to_string()
    }

    /// Writes a new certificate for that name, and its key.
    fn write(certificate: &Path, key: &Path, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs::write(certificate, made.cert.pem()).unwrap();
        fs::write(key, made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn what_is_in_the_files_is_shown_once_they_belong_together() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (certificate, key) = (file("node.pem"), file("node.key"));
        write(&certificate, &key, "a.example.com");
        let tls = Tls::of_files(&certificate, &key).unwrap();
        assert_eq!(tls.names(), ["a.example.com"]);
        let mut files = Files { certificate: certificate.clone(), key: key.clone(), seen: None };
        let mut look = || tls.shown.look(&mut files, SystemTime::now());
        write(&certificate, &file("other.key"), "B.example.com");
        assert!(why(&certificate, &key).contains("is not that of the certificate"));
        look();
        assert_eq!(tls.names(), ["a.example.com"]);
        fs::rename(file("other.key"), &key).unwrap();
        look();
        assert_eq!(tls.names(), ["b.example.com"]);
        fs::remove_file(&key).unwrap();
        look();
        assert_eq!(tls.names(), ["b.example.com"]);
    }

    #[test]
    fn what_is_no_certificate_is_named_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
        fs::write(&empty, "nothing").unwrap();
        assert_eq!(why(&missing, &empty), format!("{}: No such file or directory (os error 2)", missing.display()));
        let expected = format!("{}: there is no certificate in it; PEM is expected", empty.display());
        assert_eq!(why(&empty, &empty), expected);
    }
}
