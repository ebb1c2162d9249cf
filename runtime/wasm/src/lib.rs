//! Components: loading, instances, limits, compiled cache.
//!
//! A [`Runtime`] loads the bytes of a component, checks what it imports, exports and says of itself, and gives a [`Component`].
//! A component makes instances: an [`Aggregate`] or a [`Transform`], each with its own memory and its own [`Limits`]. An instance
//! that traps or goes over a limit ends, and nothing else does.
//!
//! Read [`runtime`], [`load`](mod@load), [`component`], [`instance`], then [`aggregate`] and [`transform`].

mod bindings;
mod cache;
mod chatter;
mod convert;
mod host;
mod ticker;
mod words;

pub mod aggregate;
pub mod component;
pub mod description;
pub mod instance;
pub mod limits;
pub mod load;
pub mod runtime;
pub mod transform;

pub use aggregate::{Aggregate, Binding};
pub use component::Component;
pub use description::{Description, DescriptionError, Version};
pub use instance::{CallError, InstanceOptions};
pub use limits::Limits;
pub use load::{INTERFACE_VERSION, LoadError};
pub use runtime::{Runtime, RuntimeError, RuntimeOptions};
pub use transform::{Opening, Output, Transform};
