//! Who is who: keys, certificates, and what makes one be believed.
//!
//! Read [`name`](Identity) (what a certificate says), [`Authority`] and [`Key`] (how one is made), then [`Trust`] (whether it is believed).

mod authority;
mod name;
mod tls;
mod trust;

pub use authority::{AUTHORITY_VALIDITY, Authority, AuthorityError, Key, NODE_VALIDITY, REQUEST};
pub use name::{ClusterId, Fingerprint, FolderId, Identity, MAX_CERTIFICATE, NotANode, NotHexadecimal};
pub(crate) use tls::{client, server};
pub use trust::{Credentials, Trust, Untrusted};
