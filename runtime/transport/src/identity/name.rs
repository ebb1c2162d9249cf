//! Who a node is, as its certificate says it.
//!
//! A certificate names its node three times, as DNS names below the cluster's:
//!
//! ```text
//! n3.cCLUSTER           by which it is dialled: TLS then refuses whoever is not node 3
//! FOLDER.n3.cCLUSTER    which folder of data this node has: another folder is another node
//! node.cCLUSTER         by which it is dialled where only an address is known
//! ```
//!
//! CLUSTER and FOLDER are 32 hexadecimal digits. The last part of a name must not be a number, hence the letter before it.

use std::fmt;
use std::str::FromStr;

use dag_model::NodeId;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::identity::tls::random;

/// The most bytes of a certificate that is looked at.
pub const MAX_CERTIFICATE: usize = 16 << 10;

/// A cluster: random, made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// A folder of data: random, made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub u128);

/// A node of a cluster. What has another folder is another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its number there, never used twice.
    pub node: NodeId,
    /// Its folder of data.
    pub folder: FolderId,
}

/// What a certificate is called: the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Why a certificate is none of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANode {
    /// Too long, or no X.509.
    #[error("a certificate that cannot be read")]
    Malformed,
    /// Other names than a node's.
    #[error("a certificate that names no node, or more than one")]
    Names,
}

impl FolderId {
    /// Of a new folder.
    pub fn random() -> FolderId {
        FolderId(random())
    }
}

impl ClusterId {
    /// Of a new cluster.
    pub fn random() -> ClusterId {
        ClusterId(random())
    }

    /// The name by which any of its nodes is dialled.
    pub fn any_node(self) -> String {
        format!("node.c{self}")
    }

    /// The name by which a node is dialled.
    pub fn node(self, node: NodeId) -> String {
        format!("n{node}.c{self}")
    }
}

impl Identity {
    /// The names that its certificate has.
    pub fn names(&self) -> [String; 3] {
        let node = self.cluster.node(self.node);
        [node.clone(), format!("{}.{node}", self.folder), self.cluster.any_node()]
    }

    /// Whose names these are: exactly those of one node.
    pub fn of_names(names: &[&str]) -> Result<Identity, NotANode> {
        let identity = names.iter().find_map(|name| Identity::of_folder(name)).ok_or(NotANode::Names)?;
        let expected = identity.names();
        let all = names.len() == expected.len() && expected.iter().all(|name| names.contains(&name.as_str()));
        if all { Ok(identity) } else { Err(NotANode::Names) }
    }

    fn of_folder(name: &str) -> Option<Identity> {
        let mut labels = name.split('.');
        let [folder, node, cluster] = [labels.next()?, labels.next()?, labels.next()?];
        Some(Identity {
            cluster: cluster.strip_prefix('c')?.parse().ok()?,
            node: NodeId(node.strip_prefix('n')?.parse().ok()?),
            folder: folder.parse().ok()?,
        })
    }

    /// What a certificate says, whoever signed it.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Identity, NotANode> {
        if certificate.len() > MAX_CERTIFICATE {
            return Err(NotANode::Malformed);
        }
        let certificate = EndEntityCert::try_from(certificate).map_err(|_| NotANode::Malformed)?;
        let names: Vec<&str> = certificate.valid_dns_names().collect();
        Identity::of_names(&names)
    }
}

impl Fingerprint {
    /// Of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        Fingerprint(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cluster.node(self.node))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is no number of 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("32 hexadecimal digits in lower case are expected")]
pub struct NotHexadecimal;

impl FromStr for ClusterId {
    type Err = NotHexadecimal;

    fn from_str(text: &str) -> Result<ClusterId, NotHexadecimal> {
        hexadecimal(text).map(ClusterId)
    }
}

impl FromStr for FolderId {
    type Err = NotHexadecimal;

    fn from_str(text: &str) -> Result<FolderId, NotHexadecimal> {
        hexadecimal(text).map(FolderId)
    }
}

fn hexadecimal(text: &str) -> Result<u128, NotHexadecimal> {
    let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits { u128::from_str_radix(text, 16).map_err(|_| NotHexadecimal) } else { Err(NotHexadecimal) }
}
