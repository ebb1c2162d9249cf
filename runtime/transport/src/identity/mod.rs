//! Who is who: keys, certificates, and what makes one be believed.
//!
//! Read [`name`](Identity) (what a certificate says), [`Authority`] and [`Key`] (how one is made), [`Trust`] (whether it is believed),
//! then [`Kept`] (what of it lies in a folder).

mod authority;
mod kept;
mod name;
mod tls;
mod trust;

pub use authority::{AUTHORITY_VALIDITY, Authority, AuthorityError, Key, NODE_VALIDITY, REQUEST};
pub use kept::{Kept, KeptError};
pub use name::{ClusterId, Fingerprint, FolderId, Identity, MAX_CERTIFICATE, NotANode, NotHexadecimal};
pub(crate) use tls::{client, server};
pub use trust::{Credentials, Trust, Untrusted};
