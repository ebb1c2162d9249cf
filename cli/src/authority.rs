//! What a cluster's authority gives this node for its clients: certificates for its names, made anew while it runs.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use dag_node::{Certificates, TlsError};
use dag_transport::identity::{Kept, KeptError, NODE_VALIDITY};
use rustls::crypto::ring::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivatePkcs8KeyDer;

/// How long a certificate is shown: two thirds of the time that it holds.
const SHOWN: Duration = Duration::from_secs(NODE_VALIDITY.as_secs() / 3 * 2);

/// This node's part in its cluster, and by which names clients come to it.
pub struct OwnAuthority {
    kept: Kept,
    names: Vec<String>,
    /// Until when the last certificate is shown.
    until: Option<SystemTime>,
}

impl OwnAuthority {
    /// Gives certificates for these names, for this machine's own, and for the address that is listened at.
    pub fn new(kept: Kept, advertised: &[String], listen: IpAddr) -> OwnAuthority {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let listen = Some(listen).filter(|listen| !listen.is_unspecified());
        let addresses = loopback.into_iter().chain(listen).map(|address| address.to_string());
        // proc(5): the node's name; none where there is no such file.
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let names = ["localhost".to_owned(), machine].into_iter().chain(addresses).chain(advertised.iter().cloned());
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        OwnAuthority { kept, names, until: None }
    }
}

impl Certificates for OwnAuthority {
    fn newer(&mut self, now: SystemTime) -> Result<Option<CertifiedKey>, TlsError> {
        let failed = |error: KeptError| TlsError::Made(error.to_string());
        self.kept.renew(now).map_err(failed)?;
        if self.until.is_some_and(|until| now < until) {
            return Ok(None);
        }
        let made = self.kept.certify_server(&self.names, now).map_err(failed)?;
        let (certificate, key) =
            made.ok_or_else(|| TlsError::Made("this node does not have the authority's key".to_owned()))?;
        let key = PrivatePkcs8KeyDer::from(key.to_pkcs8()).into();
        let certified = CertifiedKey::from_der(vec![certificate], key, &default_provider());
        let certified = certified.map_err(|error| TlsError::Made(error.to_string()))?;
        self.until = Some(now + SHOWN);
        Ok(Some(certified))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_shown_for_two_thirds_of_its_time() {
        let data = tempfile::tempdir().unwrap();
        let (folder, now) = (data.path().join("cluster"), SystemTime::now());
        let kept = Kept::found(&folder, now).unwrap();
        let mut authority = OwnAuthority::new(kept, &["dag.example.com".to_owned()], Ipv4Addr::UNSPECIFIED.into());
        let mut newer = |days: u64| {
            let made = authority.newer(now + Duration::from_secs(days * 24 * 3600)).unwrap();
            made.map(|made| made.end_entity_cert().unwrap().clone().into_owned())
        };
        let first = newer(0).unwrap();
        assert_eq!(newer(59), None);
        assert_ne!(newer(60).unwrap(), first);
    }
}
