//! The standard transforms: `filter map union join delta rate above`.
//!
//! Read [`filter`] first, the shortest, then [`above`] for state by key and [`join`] for several inputs.

pub mod above;
pub mod change;
pub mod filter;
pub mod join;
pub mod map;
pub mod union;

use above::Above;
use change::{Delta, Rate};
use filter::Filter;
use join::Join;
use map::Map;
use union::Union;

dag_guest::export_transforms!(
    component = "transforms",
    version = env!("CARGO_PKG_VERSION"),
    [Filter, Map, Union, Join, Delta, Rate, Above],
);
