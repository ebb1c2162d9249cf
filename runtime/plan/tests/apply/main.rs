//! What each change does to a plan, by value; one file an event.

mod acknowledge;
mod begin;
mod boot;
mod bytes;
mod component;
mod end;
mod hold;
mod kit;
mod read;
mod stream;
mod token;
mod turn;
