//! Why a change of what lasts did not come about, whatever it was to change.

use super::MetaError;
use crate::blocking::Broken;
use crate::blocking::gate::Full;

/// Why a change did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Too many wait to change something.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Lets an error that has a `Change` come of each of those.
macro_rules! changes {
    ($error:ty) => {
        changes!($error: $crate::metadata::MetaError, $crate::blocking::gate::Full, $crate::blocking::Broken);
    };
    ($error:ty: $($cause:ty),*) => {$(
        impl From<$cause> for $error {
            fn from(cause: $cause) -> Self {
                Self::Change(cause.into())
            }
        }
    )*};
}
pub(crate) use changes;
