//! Both clocks: the generator's steps. A wall clock shows them as so much after 1970-01-01.

use wasmtime::component::{ComponentType, LinkerInstance, Lower};

use super::Asked;
use super::state::pollable;
use crate::host::Host;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// Nanoseconds by which the clock moves on at least.
const RESOLUTION: u64 = 1_000;

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Datetime {
    fn of(nanoseconds: u64) -> Datetime {
        Datetime { seconds: nanoseconds / SECOND, nanoseconds: (nanoseconds % SECOND) as u32 }
    }
}

/// Defines a function of either clock; false if there is none of that name.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    match (asked.interface, asked.function) {
        ("wasi:clocks/wall-clock", name @ "now") => {
            into.func_wrap(name, |mut store, ()| Ok((Datetime::of(store.data_mut().generator.now()),)))?;
        }
        ("wasi:clocks/wall-clock", name @ "resolution") => {
            into.func_wrap(name, |_, ()| Ok((Datetime::of(RESOLUTION),)))?
        }
        (_, name @ "now") => into.func_wrap(name, |mut store, ()| Ok((store.data_mut().generator.now(),)))?,
        (_, name @ "resolution") => into.func_wrap(name, |_, ()| Ok((RESOLUTION,)))?,
        (_, name @ "subscribe-instant") => {
            into.func_wrap(name, |mut store, (instant,): (u64,)| Ok((pollable(store.data_mut(), Some(instant))?,)))?
        }
        (_, name @ "subscribe-duration") => into.func_wrap(name, |mut store, (nanoseconds,): (u64,)| {
            let host = store.data_mut();
            let instant = host.generator.after(nanoseconds);
            Ok((pollable(host, Some(instant))?,))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}
