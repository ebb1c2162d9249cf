//! One file (or folder) per command.

pub mod alter;
pub mod backup;
pub mod build;
pub mod create;
pub mod cursors;
pub mod delete;
pub mod demo;
pub mod deploy;
pub mod dev;
pub mod explain;
pub mod init;
pub mod new;
pub mod operators;
pub mod pipe;
pub mod publish;
pub mod rollback;
pub mod serve;
pub mod status;
pub mod streams;
pub mod subscribe;
pub mod test;
pub mod token;
pub mod undeploy;
