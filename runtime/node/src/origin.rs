//! Web pages that may ask a node though it does not serve them.

use std::str::FromStr;

use axum::http::{HeaderValue, Uri};
use serde::Deserialize;

/// Where pages come from, as browsers write it: scheme, host, and port where it is not the scheme's usual one (RFC 6454, 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(HeaderValue);

/// A text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is one in other words.
    #[error("`{found}` is not how browsers write an origin, which is {expected}")]
    Otherwise {
        /// What was found.
        found: String,
        /// The same as browsers write it.
        expected: String,
    },
    /// It is something else.
    #[error(
        "`{0}` is no origin: expected scheme, host and port of pages, such as https://board.example or http://localhost:3000"
    )]
    Other(String),
}

impl Origin {
    /// What browsers send.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let other = || OriginError::Other(text.to_owned());
        let expected = written(text).ok_or_else(other)?;
        if text != expected {
            return Err(OriginError::Otherwise { found: text.to_owned(), expected });
        }
        HeaderValue::from_str(text).map(Origin).map_err(|_| other())
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Origin, OriginError> {
        text.parse()
    }
}

/// How a browser writes the origin of the page at that address.
fn written(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?.to_lowercase(), uri.host()?.to_lowercase());
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let port = uri.port_u16().filter(|port| *port != usual);
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for origin in
            ["https://board.example", "http://localhost:3000", "http://[::1]:3000", "https://board.example:80"]
        {
            assert_eq!(origin.parse::<Origin>().unwrap().header(), origin);
        }
        for (found, expected) in [
            ("HTTPS://Board.example", "https://board.example"),
            ("https://board.example/", "https://board.example"),
            ("https://board.example:443/a?b", "https://board.example"),
            ("http://me@localhost:80", "http://localhost"),
        ] {
            let told = found.parse::<Origin>().unwrap_err().to_string();
            assert_eq!(told, format!("`{found}` is not how browsers write an origin, which is {expected}"));
        }
        for found in ["", "*", "null", "board.example", "localhost:3000", "file:///a", "https://", "https://ü.example"]
        {
            assert_eq!(found.parse::<Origin>(), Err(OriginError::Other(found.to_owned())));
        }
    }
}
