//! Readers: read [`open`] (how a subscription comes to be), [`standing`] (where its position stands to what its log holds), [`subscription`]
//! (what it reads, and how it ends), [`notices`] (what it hears besides) and [`cursors`] (places that are kept for it).

pub(crate) mod cursors;
pub(crate) mod error;
pub(crate) mod notices;
pub(crate) mod open;
pub(crate) mod standing;
pub(crate) mod subscription;
