//! Expressions: one grammar for streams and scalars, binding against signatures, canonical form, evaluation over columns.

pub mod signature;
pub mod stream;

pub use signature::{Kind, Parameter, ParameterKind, Signature};
pub use stream::{Application, Argument, Catalog, Input, Stream, Window};
