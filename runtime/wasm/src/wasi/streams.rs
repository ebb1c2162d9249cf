//! Streams: input that is at its end, and output that takes all there is.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use super::state::{Input, Nowhere, Output, pollable};
use super::{Asked, output};
use crate::host::Host;

/// How many bytes a stream says it takes at once.
const ROOM: u64 = 64 << 10;

#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "the type has it, and nothing here fails")]
    LastOperationFailed(Resource<Nowhere>),
    #[component(name = "closed")]
    Closed,
}

/// Defines a function of streams; false if there is none of that name.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    Ok(reads(into, asked.function)? || writes(into, asked.function)? || failed(into, asked.function)?)
}

fn reads(into: &mut LinkerInstance<'_, Host>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            into.func_wrap(name, |_, _: (Resource<Input>, u64)| Ok((Err::<Vec<u8>, _>(StreamError::Closed),)))?;
        }
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => {
            into.func_wrap(name, |_, _: (Resource<Input>, u64)| Ok((Err::<u64, _>(StreamError::Closed),)))?;
        }
        "[method]input-stream.subscribe" => {
            into.func_wrap(name, |mut store, _: (Resource<Input>,)| Ok((pollable(store.data_mut(), None)?,)))?
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn writes(into: &mut LinkerInstance<'_, Host>, name: &str) -> wasmtime::Result<bool> {
    type This = Resource<Output>;
    match name {
        "[method]output-stream.check-write" => {
            into.func_wrap(name, |_, _: (This,)| Ok((Ok::<u64, StreamError>(ROOM),)))?;
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            into.func_wrap(name, |mut store, (this, bytes): (This, Vec<u8>)| {
                let host = store.data_mut();
                let index = host.wasi.open.get(&this)?.index;
                output::write(host, index, &bytes);
                Ok((Ok::<(), StreamError>(()),))
            })?;
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            into.func_wrap(name, |_, _: (This,)| Ok((Ok::<(), StreamError>(()),)))?;
        }
        "[method]output-stream.subscribe" => {
            into.func_wrap(name, |mut store, _: (This,)| Ok((pollable(store.data_mut(), None)?,)))?
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn failed(into: &mut LinkerInstance<'_, Host>, name: &str) -> wasmtime::Result<bool> {
    if name != "[method]error.to-debug-string" {
        return Ok(false);
    }
    into.func_wrap(name, |_, _: (Resource<Nowhere>,)| Ok(("closed".to_owned(),)))?;
    Ok(true)
}
