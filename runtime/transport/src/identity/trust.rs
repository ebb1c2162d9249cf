//! Whether a certificate is believed, at the handshake and for as long as its connection is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use dag_model::NodeId;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::identity::tls::provider;
use crate::identity::{ClusterId, Fingerprint, Identity, Key, NotANode};

/// What a node shows of itself.
#[derive(Clone)]
pub struct Credentials {
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate's key.
    pub key: Arc<Key>,
}

/// What a node believes.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Its cluster.
    pub cluster: ClusterId,
    /// The certificates of the cluster's authorities: two while one follows the other.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Nodes that are removed.
    pub removed: BTreeSet<NodeId>,
    /// Certificates that are revoked, of nodes that stay.
    pub revoked: BTreeSet<Fingerprint>,
}

/// Why a certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// None was shown.
    #[error("no certificate was shown")]
    None,
    /// It is none of a node.
    #[error("{0}")]
    NotANode(#[from] NotANode),
    /// Of another authority, expired, not valid yet, or for another use.
    #[error("the certificate is not valid: {0}")]
    Invalid(String),
    /// Of another cluster.
    #[error("the certificate is of the cluster {0}, this is {1}")]
    OtherCluster(ClusterId, ClusterId),
    /// The node is removed from the cluster.
    #[error("node {0} is removed from the cluster")]
    Removed(NodeId),
    /// The certificate is revoked.
    #[error("the certificate {0} of node {1} is revoked")]
    Revoked(Fingerprint, NodeId),
}

impl Trust {
    /// Believes in an authority, and revokes nothing.
    pub fn in_authority(cluster: ClusterId, authority: CertificateDer<'static>) -> Trust {
        Trust { cluster, authorities: vec![authority], removed: BTreeSet::new(), revoked: BTreeSet::new() }
    }

    /// Whose a certificate is, if it is believed at that time.
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> Result<Identity, Untrusted> {
        let (certificate, between) = chain.split_first().ok_or(Untrusted::None)?;
        let identity = Identity::of(certificate)?;
        let Identity { cluster, node, .. } = identity;
        if cluster != self.cluster {
            return Err(Untrusted::OtherCluster(cluster, self.cluster));
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let verified = self.verifier()?.verify_client_cert(certificate, between, UnixTime::since_unix_epoch(since));
        verified.map_err(|error| Untrusted::Invalid(error.to_string()))?;
        if self.removed.contains(&node) {
            return Err(Untrusted::Removed(node));
        }
        let fingerprint = Fingerprint::of(certificate);
        if self.revoked.contains(&fingerprint) {
            return Err(Untrusted::Revoked(fingerprint, node));
        }
        Ok(identity)
    }

    /// What the handshake asks of who dials.
    pub(crate) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, Untrusted> {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider());
        builder.build().map_err(|error| Untrusted::Invalid(error.to_string()))
    }

    pub(crate) fn roots(&self) -> Result<RootCertStore, Untrusted> {
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(|error| Untrusted::Invalid(error.to_string()))?;
        }
        Ok(roots)
    }
}
