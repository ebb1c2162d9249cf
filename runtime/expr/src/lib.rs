//! Expressions: one grammar for streams and scalars, binding against signatures, canonical form, evaluation over columns.
//!
//! Read [`syntax`], [`scalar`], then [`signature`], [`stream`] and [`bind`]. Guests use [`Scalar`] and [`argument`].

pub mod argument;
pub mod error;
pub mod scalar;
pub mod signature;
pub mod stream;
pub mod syntax;

pub use error::{Error, ErrorKind, Span};
pub use scalar::Scalar;
pub use signature::{Kind, Parameter, ParameterKind, Signature};
pub use stream::{Application, Argument, Catalog, Input, Stream, Window};
