//! Real endpoints on loopback: real certificates, real sockets, and between them where needed a proxy that loses, delays, reorders.

mod bulk;
mod calls;
mod faults;
mod forms;
mod heartbeats;
mod hostile;
mod identity;
mod support;
