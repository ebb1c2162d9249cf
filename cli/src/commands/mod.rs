//! One file (or folder) per command.

pub mod create;
pub mod deploy;
pub mod explain;
pub mod operators;
pub mod publish;
pub mod status;
pub mod streams;
pub mod subscribe;
