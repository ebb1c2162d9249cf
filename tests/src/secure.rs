//! A node that speaks TLS and wants tokens, an authority that gave it its certificate, and requests to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::http::Answer;
use crate::node::{Node, Options};
use crate::process::Finished;
use crate::wait::DEADLINE;

/// An authority, and the folder that what it makes lies in.
pub struct Authority {
    folder: TempDir,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// If its files cannot be written.
    pub fn new() -> Authority {
        let folder = crate::data_folder();
        let mut params = CertificateParams::new([]).expect("no names are names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there are random bytes");
        let certificate = params.self_signed(&key).expect("it is complete");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file can be written");
        Authority { folder, certificate: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names, and its key: their files.
    ///
    /// # Panics
    /// If they cannot be written.
    pub fn certify(&self, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (key, params) = (KeyPair::generate().expect("there are random bytes"), CertificateParams::new(names));
        let certificate = params.expect("they are names").signed_by(&key, &self.issuer).expect("it is complete");
        let files = (self.folder.path().join("node.pem"), self.folder.path().join("node.key"));
        fs::write(&files.0, certificate.pem()).expect("a file can be written");
        fs::write(&files.1, key.serialize_pem()).expect("a file can be written");
        files
    }

    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("it is an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("the provider has ciphers");
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

/// A node that speaks TLS.
pub struct Secure {
    /// Who gave it its certificate.
    pub authority: Authority,
    /// The node.
    pub node: Node,
    config: Arc<ClientConfig>,
}

impl Secure {
    /// A node with a certificate for `localhost`, 127.0.0.1 and `dag.example.com`, and further arguments.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Secure {
        let authority = Authority::new();
        let (certificate, key) = authority.certify(&["localhost", "127.0.0.1", "dag.example.com"]);
        let path = |path: &Path| path.to_str().expect("it is UTF-8").to_owned();
        let own = ["--tls-cert".to_owned(), path(&certificate), "--tls-key".to_owned(), path(&key)];
        let arguments = own.into_iter().chain(arguments.iter().map(|argument| (*argument).to_owned())).collect();
        let node = Node::with(Options { arguments, ..Options::default() });
        let config = authority.client();
        Secure { authority, node, config }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        self.node.url().strip_prefix("https://").expect("it speaks TLS")
    }

    /// The file with the token that the node made.
    pub fn admin(&self) -> PathBuf {
        self.node.data().join("admin.token")
    }

    /// A connection.
    ///
    /// # Panics
    /// If the node does not listen.
    #[track_caller]
    pub fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(self.address()).expect("the node listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time is a time-out");
        stream.set_write_timeout(Some(DEADLINE)).expect("a time is a time-out");
        let name = "localhost".try_into().expect("it is a name");
        StreamOwned::new(ClientConnection::new(self.config.clone(), name).expect("the configuration is whole"), stream)
    }

    /// The answer to a request, which shows that token; `line` is its method and path.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn ask(&self, token: Option<&str>, line: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{token}content-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("the node reads");
        let mut answer = Vec::new();
        // Where the connection ends is told by HTTP.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: no answer, `{answer}`"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("HTTP says a status");
        Answer { status, body: body.to_owned() }
    }

    /// The lines of an answer that goes on, its head first.
    ///
    /// # Panics
    /// If the node does not listen.
    #[track_caller]
    pub fn lines(&self, token: &str, path: &str) -> impl Iterator<Item = std::io::Result<String>> + use<> {
        let mut stream = self.connect();
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the node reads");
        BufReader::new(stream).lines()
    }

    /// Runs `dag` against it, as whoever runs the node.
    #[track_caller]
    pub fn dag(&self, arguments: &[&str]) -> Finished {
        let (ca, token) = (self.authority.file(), self.admin());
        let own = ["--ca", ca.to_str().expect("it is UTF-8"), "--token-file", token.to_str().expect("it is UTF-8")];
        self.node.dag(&[arguments, &own].concat())
    }

    /// Makes a token, with these options of `dag token create`.
    #[track_caller]
    pub fn token(&self, name: &str, options: &[&str]) -> String {
        self.dag(&[&["token", "create", name], options].concat()).success().trim().to_owned()
    }
}
