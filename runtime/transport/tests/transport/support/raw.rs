//! The other side of good manners: QUIC by hand, with whatever certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use dag_model::NodeId;
use dag_transport::frame::{Frame, Kind};
use dag_transport::identity::{ClusterId, Credentials, Trust};
use dag_transport::{Addresses, Hello};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

use super::LOOPBACK;

fn key(own: &Credentials) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(own.key.to_pkcs8()).into()
}

fn roots(trust: &Trust) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for authority in &trust.authorities {
        roots.add(authority.clone()).unwrap();
    }
    roots
}

/// Dials a node.
pub async fn dial(
    to: SocketAddr,
    node: u64,
    cluster: ClusterId,
    trust: &Trust,
    own: &Credentials,
    protocol: &str,
) -> Result<(Endpoint, Connection), ConnectionError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots(trust));
    let mut tls = builder.with_client_auth_cert(vec![own.certificate.clone()], key(own)).unwrap();
    tls.alpn_protocols = vec![protocol.into()];
    let endpoint = Endpoint::client(LOOPBACK).unwrap();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    // It lives on whatever it does not say.
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(std::time::Duration::from_secs(1)));
    config.transport_config(Arc::new(transport));
    let connection = endpoint.connect_with(config, to, &cluster.node(NodeId(node))).unwrap().await?;
    Ok((endpoint, connection))
}

/// Can be dialled.
pub fn listen(trust: &Trust, own: &Credentials, protocol: &str) -> Endpoint {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(trust)), provider.clone()).build().unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(verifier);
    let mut tls = builder.with_single_cert(vec![own.certificate.clone()], key(own)).unwrap();
    tls.alpn_protocols = vec![protocol.into()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    Endpoint::server(config, LOOPBACK).unwrap()
}

/// A hello like any other.
pub fn hello(boot: u64) -> Hello {
    let own = Addresses { control: "127.0.0.1:1".to_owned(), data: "127.0.0.1:2".to_owned() };
    Hello { versions: (1, 1), boot, own, known: Vec::new(), passing: false }
}

pub async fn send(stream: &mut SendStream, kind: Kind, payload: &[u8]) -> Result<(), quinn::WriteError> {
    let frame = Frame { kind, payload: payload.to_vec().into() };
    stream.write_all(&frame.head()).await?;
    stream.write_all(payload).await
}

/// Says hello and hears the welcome.
pub async fn greet(connection: &Connection, boot: u64) -> (SendStream, RecvStream) {
    let (mut out, mut welcome) = connection.open_bi().await.unwrap();
    send(&mut out, Kind::Hello, &hello(boot).encode()).await.unwrap();
    let mut head = [0; 5];
    welcome.read_exact(&mut head).await.unwrap();
    assert_eq!(head[4], Kind::Welcome as u8);
    (out, welcome)
}

/// The code and the reason with which the other end closes.
pub async fn closed(connection: &Connection) -> (u64, String) {
    match super::soon(connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => {
            (close.error_code.into_inner(), String::from_utf8_lossy(&close.reason).into_owned())
        }
        other => panic!("closed by {other}"),
    }
}
