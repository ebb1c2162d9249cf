//! What a node shows, changing nothing: [`status`] (streams, computations, the node itself), [`explain`] (why a stream has no output) and
//! [`operators`] (what they take, and which versions of them there are).

pub(crate) mod explain;
pub(crate) mod operators;
pub(crate) mod status;
