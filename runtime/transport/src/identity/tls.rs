//! TLS 1.3 between nodes: both show certificates, nothing is sent before, and no session is taken up again.
//!
//! A session that is taken up again is not asked for its certificate, so a node that is removed would come back by it.

use std::sync::{Arc, LazyLock};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use crate::identity::{Credentials, Trust, Untrusted};

/// One exchange of keys and two ciphers, that with hardware support first.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    })
});

pub(crate) fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

/// A number that nobody can guess.
pub(crate) fn random() -> u128 {
    let mut bytes = [0; 16];
    PROVIDER.secure_random.fill(&mut bytes).expect("the operating system gives random bytes");
    u128::from_be_bytes(bytes)
}

/// How a node answers who dials it.
pub(crate) fn server(trust: &Trust, own: &Credentials, protocol: &[u8]) -> Result<Arc<QuicServerConfig>, Untrusted> {
    let invalid = |error: rustls::Error| Untrusted::Invalid(error.to_string());
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(invalid)?;
    let builder = builder.with_client_cert_verifier(trust.verifier()?);
    let mut config = builder.with_single_cert(vec![own.certificate.clone()], own.key.for_tls()).map_err(invalid)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(QuicServerConfig::try_from(config).expect("the first cipher is there")))
}

/// How a node dials others.
pub(crate) fn client(trust: &Trust, own: &Credentials, protocol: &[u8]) -> Result<Arc<QuicClientConfig>, Untrusted> {
    let invalid = |error: rustls::Error| Untrusted::Invalid(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(invalid)?;
    let builder = builder.with_root_certificates(trust.roots()?);
    let mut config =
        builder.with_client_auth_cert(vec![own.certificate.clone()], own.key.for_tls()).map_err(invalid)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(Arc::new(QuicClientConfig::try_from(config).expect("the first cipher is there")))
}
