//! Who may ask: requests addressed to this node, and not sent on behalf of a foreign web page.
//!
//! A page in a browser can send requests to any address its user's machine reaches. Its `Origin` gives it away; where it has
//! made its own name resolve to this machine (DNS rebinding), `Host` does.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderValue, ORIGIN};
use axum::http::uri::{Authority, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::failure::Failed;
use crate::error::{Code, NodeError};

/// Knows the names of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    listen: IpAddr,
}

/// Lets a request pass, or refuses it.
pub(super) async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, Failed> {
    guard.check(&request)?;
    Ok(next.run(request).await)
}

impl Guard {
    /// The guard of a node that listens at that address.
    pub fn new(listen: IpAddr) -> Guard {
        Guard { listen }
    }

    fn check<B>(self, request: &axum::http::Request<B>) -> Result<(), NodeError> {
        let headers = request.headers();
        if !headers.contains_key(HOST) {
            return Err(foreign(format!("the request names no host; {}", self.names())));
        }
        let foreign_host = headers.get_all(HOST).iter().find(|host| !self.is_own_host(host));
        if let Some(host) = foreign_host {
            return Err(foreign(format!("this node is not `{}`; {}", shown(host), self.names())));
        }
        // A request line with a whole URI takes precedence over `Host` (RFC 9112, 3.2.2).
        if let Some(authority) = request.uri().authority().filter(|authority| !self.is_own(authority)) {
            return Err(foreign(format!("this node is not `{authority}`; {}", self.names())));
        }
        if let Some(origin) = headers.get_all(ORIGIN).iter().find(|origin| !self.is_own_origin(origin)) {
            return Err(foreign(format!("pages of `{}` may not use this node", shown(origin))));
        }
        Ok(())
    }

    fn is_own_host(self, value: &HeaderValue) -> bool {
        Authority::try_from(value.as_bytes()).is_ok_and(|authority| self.is_own(&authority))
    }

    fn is_own_origin(self, value: &HeaderValue) -> bool {
        let uri = Uri::try_from(value.as_bytes());
        uri.is_ok_and(|uri| uri.authority().is_some_and(|authority| self.is_own(authority)))
    }

    /// Whether that is the node's name, with any port: ports are forwarded. An address cannot be made to resolve to another
    /// one, so a node that listens at all addresses answers to each.
    fn is_own(self, authority: &Authority) -> bool {
        let host = authority.host();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
        match address {
            Ok(address) => address.is_loopback() || address == self.listen || self.listen.is_unspecified(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn names(self) -> String {
        match self.listen {
            listen if listen.is_unspecified() => "it answers to localhost and to addresses".to_owned(),
            listen if listen.is_loopback() => "it answers to localhost, 127.0.0.1 and [::1]".to_owned(),
            listen => format!("it answers to localhost, 127.0.0.1, [::1] and {listen}"),
        }
    }
}

fn foreign(message: String) -> NodeError {
    NodeError::new(Code::ForeignHost, message)
}

fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<(), String> {
        let mut request = axum::http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        Guard::new(listen.parse().unwrap()).check(&request).map_err(|error| {
            assert_eq!(error.code, Code::ForeignHost);
            error.message
        })
    }

    fn host(listen: &str, host: &str) -> Result<(), String> {
        check(listen, "/v1/status", &[("host", host)])
    }

    #[test]
    fn a_node_answers_to_its_own_names_with_any_port() {
        for own in ["localhost", "LocalHost:7324", "127.0.0.1:1", "[::1]", "[::1]:7324"] {
            assert_eq!(host("127.0.0.1", own), Ok(()), "{own}");
        }
        for foreign in
            ["evil.example", "localhost.evil.example", "10.0.0.7:7324", "localhost@evil.example", "", "[::2]"]
        {
            assert!(host("127.0.0.1", foreign).is_err(), "{foreign}");
        }
        assert_eq!(
            host("127.0.0.1", "evil.example:7324"),
            Err("this node is not `evil.example:7324`; it answers to localhost, 127.0.0.1 and [::1]".to_owned())
        );
        assert!(check("127.0.0.1", "/", &[]).is_err());
        assert!(check("127.0.0.1", "/", &[("host", "localhost"), ("host", "evil.example")]).is_err());
    }

    #[test]
    fn a_node_answers_to_the_address_it_listens_at() {
        assert_eq!(host("10.0.0.7", "10.0.0.7:7324"), Ok(()));
        assert!(host("10.0.0.7", "10.0.0.8:7324").is_err());
        assert_eq!(host("fd00::7", "[fd00:0::7]:7324"), Ok(()));
        assert_eq!(host("0.0.0.0", "10.0.0.8:7324"), Ok(()));
        assert!(host("0.0.0.0", "evil.example:7324").is_err());
    }

    #[test]
    fn a_whole_uri_is_checked_besides_the_host() {
        let headers = [("host", "localhost")];
        assert_eq!(check("127.0.0.1", "http://localhost:7324/v1/status", &headers), Ok(()));
        assert!(check("127.0.0.1", "http://evil.example/v1/status", &headers).is_err());
    }

    #[test]
    fn a_foreign_page_is_refused_whatever_the_host() {
        let origin = |origin| check("127.0.0.1", "/", &[("host", "localhost:7324"), ("origin", origin)]);
        assert_eq!(origin("http://localhost:3000"), Ok(()));
        assert_eq!(origin("http://[::1]:3000"), Ok(()));
        assert!(origin("null").is_err());
        assert_eq!(
            origin("https://evil.example"),
            Err("pages of `https://evil.example` may not use this node".to_owned())
        );
    }
}
