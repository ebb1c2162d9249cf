//! Who may ask: requests addressed to this node, and not sent on behalf of a foreign web page.
//!
//! A page in a browser can send requests to any address its user's machine reaches. Its `Origin` gives it away; where it has
//! made its own name resolve to this machine (DNS rebinding), `Host` does. A GET, such as that of an image, carries no `Origin`: browsers
//! say in `Sec-Fetch-Site` whose page it is for, to this machine and over TLS, but to no other machine without it.
//!
//! So what a GET may do depends on who vouches for it ([`Asker`]): the browser, an own or an allowed [`Origin`], or the header `Dag-Client`, which no page can
//! send without asking first, and here it asks in vain.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use axum::http::uri::{Authority, Uri};
use axum::middleware::Next;
use axum::response::Response;
use dag_api::Code;
use dag_model::text::shortened;

use super::failure::Failed;
use crate::Origin;
use crate::tls::Tls;

/// Knows the names of a node, and whose pages may ask it.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    listen: IpAddr,
    origins: Arc<[Origin]>,
    /// Has the names by which its certificate calls it.
    tls: Option<Tls>,
}

/// Who asks, as far as that decides what a GET may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// No foreign page, or one that may.
    Known,
    /// Perhaps a page: on this machine, or over TLS, an old browser's.
    Unknown,
    /// Perhaps a page of any browser on another machine.
    UnknownAfar,
}

impl Asker {
    /// Whether it may make a cursor, or take one over.
    pub fn may_take_cursors(self) -> Result<(), Failed> {
        self.vouched("a cursor is made, or taken from who reads with it,", Asker::Known)
    }

    /// Whether it may subscribe.
    pub fn may_subscribe(self) -> Result<(), Failed> {
        self.vouched("a subscription makes the node compute, and from another machine", Asker::Unknown)
    }

    fn vouched(self, what: &str, most: Asker) -> Result<(), Failed> {
        if self as u8 <= most as u8 {
            return Ok(());
        }
        Err(foreign(format!(
            "{what} only by a request that no foreign page can send: give it the header `Dag-Client` with any value, as in curl -H 'Dag-Client: me'"
        )))
    }
}

/// What no page can send without asking first.
const CLIENT: HeaderName = HeaderName::from_static("dag-client");

/// For whose page a browser sends a request.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request pass, or refuses it.
pub(super) async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Result<Response, Failed> {
    let asker = guard.check(&request)?;
    request.extensions_mut().insert(asker);
    Ok(next.run(request).await)
}

impl Guard {
    /// The guard of a node that listens at that address and shows that certificate, and which pages of these origins may ask.
    pub fn new(listen: IpAddr, origins: Arc<[Origin]>, tls: Option<Tls>) -> Guard {
        Guard { listen, origins, tls }
    }

    fn check<B>(&self, request: &axum::http::Request<B>) -> Result<Asker, Failed> {
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
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(origin) = origins.find(|origin| !self.may_ask(origin, headers)) {
            return Err(foreign(format!(
                "pages of `{}` may not use this node; dag serve --allow-origin says whose may",
                shown(origin)
            )));
        }
        let has_origin = headers.contains_key(ORIGIN);
        let mut sites = headers.get_all(SITE).iter();
        if let Some(site) = sites.find(|site| !has_origin && *site != "same-origin" && *site != "none") {
            return Err(foreign(format!(
                "pages of other sites may not use this node (Sec-Fetch-Site: {})",
                shown(site)
            )));
        }
        Ok(match has_origin || headers.contains_key(SITE) || headers.contains_key(CLIENT) {
            true => Asker::Known,
            false if self.listen.is_loopback() => Asker::Unknown,
            false => Asker::UnknownAfar,
        })
    }

    /// Whether pages of that origin may ask: those that the node serves, and those that it was told.
    fn may_ask(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        self.origins.iter().any(|allowed| allowed.header() == origin) || is_own_origin(origin, headers)
    }

    fn is_own_host(&self, value: &HeaderValue) -> bool {
        Authority::try_from(value.as_bytes()).is_ok_and(|authority| self.is_own(&authority))
    }

    /// Whether that is the node's name, with any port: ports are forwarded. An address cannot be made to resolve to another
    /// one, so a node that listens at all addresses answers to each.
    fn is_own(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
        match address {
            Ok(address) => address.is_loopback() || address == self.listen || self.listen.is_unspecified(),
            Err(_) => {
                host.eq_ignore_ascii_case("localhost") || self.certified().iter().any(|name| is_named(host, name))
            }
        }
    }

    fn names(&self) -> String {
        let mut names = match self.listen {
            listen if listen.is_unspecified() => "it answers to localhost and to addresses".to_owned(),
            listen if listen.is_loopback() => "it answers to localhost, 127.0.0.1 and [::1]".to_owned(),
            listen => format!("it answers to localhost, 127.0.0.1, [::1] and {listen}"),
        };
        let certified = self.certified();
        if !certified.is_empty() {
            names.push_str(", and as its certificate says to ");
            names.push_str(&certified.join(", "));
        }
        names
    }

    fn certified(&self) -> Vec<String> {
        self.tls.as_ref().map_or_else(Vec::new, Tls::names)
    }
}

/// Whether a page's origin is where the request is sent to: its port, too, for another one is another program's.
fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin = Uri::try_from(origin.as_bytes()).ok();
    let origin = origin.as_ref().and_then(Uri::authority).map(Authority::as_str);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

/// Whether a certificate's name is that host's, in whatever case. `*.` at its beginning is any one label.
fn is_named(host: &str, name: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, of)| of.eq_ignore_ascii_case(rest)),
        None => host.eq_ignore_ascii_case(name),
    }
}

fn foreign(message: String) -> Failed {
    Failed::new(Code::ForeignHost, message)
}

fn shown(value: &HeaderValue) -> String {
    shortened(&String::from_utf8_lossy(value.as_bytes()), 80).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<(), String> {
        asker(listen, uri, headers).map(drop)
    }

    fn asker(listen: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<Asker, String> {
        let mut request = axum::http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let allowed = ["https://board.example".parse().unwrap()];
        Guard::new(listen.parse().unwrap(), allowed.into(), None).check(&request).map_err(|error| {
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
    fn a_node_answers_to_the_names_of_its_certificate() {
        assert!(is_named("Dag.example.com", "dag.example.com") && is_named("a.example.com", "*.example.com"));
        assert!(!is_named("example.com", "*.example.com") && !is_named("a.b.example.com", "*.example.com"));
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
        assert_eq!(origin("http://localhost:7324"), Ok(()));
        for foreign in
            ["http://localhost:3000", "http://localhost", "http://127.0.0.1:7324", "http://[::1]:3000", "null", ""]
        {
            assert!(origin(foreign).is_err(), "{foreign}");
        }
        assert_eq!(
            origin("https://evil.example"),
            Err("pages of `https://evil.example` may not use this node; dag serve --allow-origin says whose may"
                .to_owned())
        );
    }

    #[test]
    fn a_browser_says_whose_page_it_asks_for() {
        let site = |site| check("127.0.0.1", "/", &[("host", "localhost:7324"), ("sec-fetch-site", site)]);
        assert_eq!((site("same-origin"), site("none")), (Ok(()), Ok(())));
        for foreign in ["cross-site", "same-site", "", "same-origin, none"] {
            assert!(site(foreign).is_err(), "{foreign}");
        }
        let own = [("host", "localhost:7324"), ("origin", "http://localhost:7324"), ("sec-fetch-site", "cross-site")];
        assert_eq!(check("127.0.0.1", "/", &own), Ok(()));
    }

    #[test]
    fn pages_of_an_allowed_origin_may_ask_and_of_no_other() {
        let asker = |origin| {
            let page = [("host", "localhost:7324"), ("origin", origin), ("sec-fetch-site", "cross-site")];
            asker("10.0.0.7", "/", &page)
        };
        assert_eq!(asker("https://board.example"), Ok(Asker::Known));
        for other in [
            "http://board.example",
            "https://board.example:444",
            "https://a.board.example",
            "https://board.example.evil",
        ] {
            assert!(asker(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_a_get_changes_wants_somebody_who_vouches_for_it() {
        let may = |listen, more: &[(&'static str, &str)]| {
            let asker = asker(listen, "/", &[&[("host", "127.0.0.1:7324")], more].concat()).unwrap();
            (asker.may_subscribe().is_ok(), asker.may_take_cursors().is_ok())
        };
        assert_eq!(may("127.0.0.1", &[]), (true, false));
        assert_eq!(may("10.0.0.7", &[]), (false, false));
        for vouched in [("dag-client", "me"), ("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:7324")] {
            assert_eq!(may("127.0.0.1", &[vouched]), (true, true));
            assert_eq!(may("10.0.0.7", &[vouched]), (true, true));
        }
        let why = Asker::Unknown.may_take_cursors().unwrap_err().message;
        assert!(why.contains("curl -H 'Dag-Client: me'"), "{why}");
    }
}
