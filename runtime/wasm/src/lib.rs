//! Components: loading, instances, limits, compiled cache.
//!
//! A [`Builder`] makes of the bytes that somebody sent what a node keeps: the component, its compiled code, and what it says of itself.
//! A [`Runtime`] opens that and gives a [`Component`], without asking it anything. A component makes instances: an [`Aggregate`] or a [`Transform`], each with its own memory and its own [`Limits`]. An instance
//! that traps or goes over a limit ends, and nothing else does.
//!
//! Read `shape` and [`load`](mod@load) (what is taken), `build`, [`builder`] (where), [`runtime`], [`component`], [`instance`], [`memory`] (what all instances share), `host`, `generator` and `wasi` (what a guest can ask for), then [`aggregate`] and [`transform`].

mod bindings;
mod bridge;
mod build;
mod cache;
mod chatter;
mod convert;
mod generator;
mod host;
mod preview1;
mod shape;
mod ticker;
mod wasi;
mod words;

pub mod aggregate;
pub mod builder;
pub mod component;
pub mod description;
pub mod instance;
pub mod limits;
pub mod load;
pub mod memory;
pub mod runtime;
pub mod transform;

pub use aggregate::{Aggregate, Binding};
pub use build::{Built, digest};
pub use builder::{Abandoned, Bounds, Builder, BuilderCommand, Waiting};
pub use component::Component;
pub use description::{Description, DescriptionError, Version};
pub use instance::{CallError, InstanceOptions};
pub use limits::Limits;
pub use load::{INTERFACE_VERSION, LoadError, component_of};
pub use memory::{Holder, Memory, NoMemory};
pub use preview1::preview1_component;
pub use runtime::{Runtime, RuntimeError, RuntimeOptions};
pub use shape::{ShapeError, Thing};
pub use transform::{Opening, Output, Transform};
pub use wasi::import::{Answer, Import};
