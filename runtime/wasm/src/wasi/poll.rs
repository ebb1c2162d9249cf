//! Waiting, which takes no time: the clock moves on to what is waited for.

use wasmtime::component::{LinkerInstance, Resource};

use super::Asked;
use super::refused::Refused;
use super::state::Pollable;
use crate::host::Host;

type This = Resource<Pollable>;

/// Defines a function that waits; false if there is none of that name.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    match asked.function {
        name @ "[method]pollable.ready" => into.func_wrap(name, |mut store, (this,): (This,)| {
            let host = store.data_mut();
            let Pollable(instant) = *host.wasi.open.get(&this)?;
            Ok((instant.is_none_or(|instant| host.generator.now() >= instant),))
        })?,
        name @ "[method]pollable.block" => into.func_wrap(name, |mut store, (this,): (This,)| {
            poll(store.data_mut(), &[this])?;
            Ok(())
        })?,
        name @ "poll" => {
            into.func_wrap(name, |mut store, (these,): (Vec<This>,)| Ok((poll(store.data_mut(), &these)?,)))?
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Which are ready. Where none is, the clock moves on to the first that will be.
fn poll(host: &mut Host, these: &[This]) -> wasmtime::Result<Vec<u32>> {
    let instants = these.iter().map(|this| Ok(host.wasi.open.get(this)?.0.unwrap_or(0)));
    let instants = instants.collect::<wasmtime::Result<Vec<u64>>>()?;
    let first = instants.iter().min().ok_or_else(|| Refused("it waits for nothing, for ever".to_owned()))?;
    host.generator.wait_until(*first);
    let now = host.generator.now();
    let ready = instants.iter().enumerate().filter(|(_, instant)| **instant <= now.max(*first));
    Ok(ready.map(|(index, _)| index as u32).collect())
}
