//! The grammar: text to a tree that says nothing of meaning yet.
//!
//! Read `ast`, then `lexer` and [`parser`]. [`name`], [`duration`] and [`number`] are what names and literals look like, both ways.

pub(crate) mod ast;
pub mod duration;
pub(crate) mod lexer;
pub mod name;
pub mod number;
pub mod parser;
