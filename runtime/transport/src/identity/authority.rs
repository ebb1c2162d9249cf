//! A cluster's authority, which signs the certificates of its nodes, and a node's key.
//!
//! A node asks for a certificate with its public key, and shows that it has the key. It asks for nothing else: its names are given to it.
//!
//! ```text
//! byte 0        version (1)
//! byte 1..33    the public key (Ed25519)
//! byte 33..97   the key's signature over "dag: certificate for this key" and the public key
//! ```

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};
use ring::signature::{ED25519, UnparsedPublicKey};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::identity::tls::random;
use crate::identity::{ClusterId, Identity};

/// How long a node's certificate holds.
pub const NODE_VALIDITY: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long an authority's own certificate holds.
pub const AUTHORITY_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// So much earlier certificates begin: clocks differ.
const SKEW: Duration = Duration::from_secs(3600);

/// The bytes of a request for a certificate.
pub const REQUEST: usize = 97;

/// What is signed in a request, before the key.
const CONTEXT: &[u8] = b"dag: certificate for this key";

/// Why there is no key, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Not what a request is.
    #[error("no request for a certificate of a node, of version 1")]
    NotARequest,
    /// Whoever asks does not show that it has the key.
    #[error("the request for a certificate is not signed with its key")]
    NotSigned,
    /// Another cluster's node.
    #[error("this authority is of the cluster {0}, not of {1}")]
    OtherCluster(ClusterId, ClusterId),
    /// A name that is a node's.
    #[error("`{0}` is a name by which nodes know each other")]
    NodeName(String),
    /// What is no key.
    #[error("no key: {0}")]
    Key(#[from] rcgen::Error),
}

/// A key of a node, or of an authority.
pub struct Key(KeyPair);

/// What can sign certificates of a cluster's nodes.
pub struct Authority {
    cluster: ClusterId,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Key {
    /// A new one (Ed25519).
    pub fn generate() -> Result<Key, AuthorityError> {
        Ok(Key(KeyPair::generate_for(&PKCS_ED25519)?))
    }

    /// As PKCS #8, to be kept where only its owner reads it.
    pub fn to_pkcs8(&self) -> Vec<u8> {
        self.0.serialize_der()
    }

    /// Of PKCS #8.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Key, AuthorityError> {
        Ok(Key(KeyPair::try_from(bytes)?))
    }

    /// A request for a certificate.
    pub fn request(&self) -> Result<[u8; REQUEST], AuthorityError> {
        let key = self.0.der_bytes();
        let signature = self.0.sign(&[CONTEXT, key].concat())?;
        let request = [&[1], key, &signature].concat();
        request.try_into().map_err(|_| AuthorityError::NotARequest)
    }

    pub(crate) fn for_tls(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.to_pkcs8()).into()
    }
}

impl Authority {
    /// The authority of a new cluster.
    pub fn new(cluster: ClusterId, now: SystemTime) -> Result<Authority, AuthorityError> {
        let (key, mut params) = (Key::generate()?.0, Authority::params(cluster));
        set_validity(&mut params, now, AUTHORITY_VALIDITY);
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Authority { cluster, certificate, issuer: Issuer::new(params, key) })
    }

    /// An authority that was kept: its certificate and its key.
    pub fn open(cluster: ClusterId, certificate: &[u8], key: Key) -> Result<Authority, AuthorityError> {
        let issuer = Issuer::new(Authority::params(cluster), key.0);
        Ok(Authority { cluster, certificate: certificate.to_vec().into(), issuer })
    }

    /// What its certificate says, but for its time.
    fn params(cluster: ClusterId) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("dag cluster {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    /// Its own certificate, which nodes trust.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its key, to be kept encrypted.
    pub fn to_pkcs8(&self) -> Vec<u8> {
        self.issuer.key().serialize_der()
    }

    /// Gives a certificate to whoever has shown that it has the key.
    pub fn sign(
        &self,
        request: &[u8],
        identity: &Identity,
        now: SystemTime,
        validity: Duration,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let key = Asked::of(request)?;
        if identity.cluster != self.cluster {
            return Err(AuthorityError::OtherCluster(self.cluster, identity.cluster));
        }
        let mut params = CertificateParams::new(identity.names())?;
        params.distinguished_name.push(DnType::CommonName, identity.to_string());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, &key, now, validity)
    }

    /// Gives a certificate to a server that clients, which are no nodes, come to by these names and addresses.
    pub fn sign_server(
        &self,
        request: &[u8],
        names: &[String],
        now: SystemTime,
        validity: Duration,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let key = Asked::of(request)?;
        let of_nodes = format!(".c{}", self.cluster);
        if let Some(name) = names.iter().find(|name| name.to_ascii_lowercase().ends_with(&of_nodes)) {
            return Err(AuthorityError::NodeName(name.clone()));
        }
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, format!("a server of dag cluster {}", self.cluster));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, &key, now, validity)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        key: &Asked,
        now: SystemTime,
        validity: Duration,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(random_serial());
        set_validity(&mut params, now, validity);
        Ok(params.signed_by(key, &self.issuer)?.der().clone())
    }
}

/// The key for which a certificate is asked.
struct Asked([u8; 32]);

impl Asked {
    fn of(request: &[u8]) -> Result<Asked, AuthorityError> {
        let Some(([1, key @ ..], signature)) = request.split_first_chunk::<33>() else {
            return Err(AuthorityError::NotARequest);
        };
        let signed = UnparsedPublicKey::new(&ED25519, key).verify(&[CONTEXT, key].concat(), signature);
        signed.map_err(|_| AuthorityError::NotSigned)?;
        Ok(Asked(*key))
    }
}

impl PublicKeyData for Asked {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

fn set_validity(params: &mut CertificateParams, now: SystemTime, validity: Duration) {
    params.not_before = (now - SKEW).into();
    params.not_after = (now + validity).into();
}

/// A number that no other certificate has. It is positive, and begins with no zero.
fn random_serial() -> SerialNumber {
    let mut bytes = random().to_be_bytes();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from(bytes.to_vec())
}
