//! What a client shows a node, and whom it believes.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context;
use hyper::header::HeaderValue;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::exit::misuse;

/// The most bytes of a file with a token: more is another file.
const TOKEN_FILE: u64 = 4096;

/// What a client shows a node, and whom it believes.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The token that it shows.
    pub token: Option<String>,
    /// The file of the authorities that it believes; none for those that this machine does.
    pub ca: Option<PathBuf>,
}

impl Credentials {
    /// What the options say, or else variables.
    pub fn of(token: Option<&str>, file: Option<&Path>, ca: Option<&Path>) -> anyhow::Result<Credentials> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let of_variables = || match (variable("DAG_TOKEN"), variable("DAG_TOKEN_FILE")) {
            (Some(token), _) => token.into_string().map(Some).map_err(|_| misuse("DAG_TOKEN is no text")),
            (None, Some(file)) => read(Path::new(&file)).map(Some),
            (None, None) => Ok(None),
        };
        let token = match (token, file) {
            (Some(_), Some(_)) => return Err(misuse("--token and --token-file exclude each other")),
            (Some(token), None) => Some(token.to_owned()),
            (None, Some(file)) => Some(read(file)?),
            (None, None) => of_variables()?,
        };
        let ca = ca.map(Path::to_owned).or_else(|| variable("DAG_CA").map(PathBuf::from));
        Ok(Credentials { token, ca })
    }

    /// The header that shows the token, to the node at that URL.
    ///
    /// # Errors
    /// If it is no token, or anybody on the way could read it.
    pub fn header(&self, url: &hyper::Uri) -> anyhow::Result<Option<HeaderValue>> {
        let Some(token) = &self.token else { return Ok(None) };
        if url.scheme_str() != Some("https") && !url.host().is_some_and(is_here) {
            return Err(misuse(format!("the token would go to {url} as anybody on the way can read it: say https://")));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| misuse("the token has characters that no token has"))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// What makes connections to `https` URLs, and to `http` ones.
    pub fn connector(&self, http: HttpConnector, is_https: bool) -> anyhow::Result<HttpsConnector<HttpConnector>> {
        let builder = ClientConfig::builder_with_provider(default_provider().into());
        let builder = builder.with_safe_default_protocol_versions()?;
        // This machine's authorities take a while to read.
        let roots = if is_https { self.roots()? } else { RootCertStore::empty() };
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http))
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(file) => {
                let believed = authorities(file).with_context(|| format!("--ca {}", file.display()))?;
                believed.into_iter().try_for_each(|authority| roots.add(authority))?;
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        Ok(roots)
    }
}

/// The certificates in a file.
fn authorities(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!found.is_empty(), "there is no certificate in it; PEM is expected");
    Ok(found)
}

/// The token in a file, without the line's end.
fn read(file: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read a token from {}", file.display());
    let length = fs::metadata(file).with_context(cannot)?.len();
    if length > TOKEN_FILE {
        return Err(misuse(format!("{}: no token has {length} bytes", file.display())));
    }
    let text = fs::read_to_string(file).with_context(cannot)?;
    match text.trim() {
        "" => Err(misuse(format!("{}: there is no token in it", file.display()))),
        token => Ok(token.to_owned()),
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<std::net::IpAddr>().map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_no_other_machine_without_tls() {
        let credentials = Credentials { token: Some("dag_1".to_owned()), ca: None };
        let header = |url: &str| credentials.header(&url.parse().unwrap());
        for url in ["https://10.0.0.7:7324", "http://127.0.0.1:7324", "http://localhost", "http://[::1]:7324"] {
            assert_eq!(header(url).unwrap(), Some(HeaderValue::from_static("Bearer dag_1")), "{url}");
        }
        for url in ["http://10.0.0.7:7324", "http://dag.example.com"] {
            assert!(header(url).unwrap_err().to_string().contains("say https://"), "{url}");
        }
    }
}
