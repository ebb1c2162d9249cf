//! Source streams: read [`source`] (a stream), [`settings`] (what of it can be said), [`create`] and [`publish`]
//! (making one, and publishing to it), [`alter`] (what of it may change), [`skipped`] (`errors(X)`, to which the node itself publishes) and [`unavailable`] (those that cannot be opened).

pub(crate) mod alter;
pub(crate) mod create;
pub(crate) mod error;
pub(crate) mod publish;
pub(crate) mod settings;
pub(crate) mod skipped;
pub(crate) mod source;
pub(crate) mod unavailable;
