//! Expressions: one grammar for streams and scalars, binding against signatures, canonical form, evaluation over columns.
//!
//! Read [`syntax`], [`scalar`], then [`signature`], [`stream`], [`bind`](mod@bind), `canonical` and `succession`. Guests use [`Scalar`] and
//! [`argument`].

pub mod argument;
pub mod bind;
mod canonical;
mod column;
pub mod error;
pub mod names;
pub mod scalar;
pub mod signature;
pub mod stream;
mod succession;
pub mod syntax;

pub use bind::bind;
pub use error::{Error, ErrorKind, Span};
pub use names::names;
pub use scalar::Scalar;
pub use signature::{Kind, MAX_INPUTS, Parameter, ParameterKind, Signature};
pub use stream::{Application, Argument, Catalog, Input, Stream, Window, errors_of};

/// The name of the column that every record has and no schema lists.
pub const TIME: &str = "time";
