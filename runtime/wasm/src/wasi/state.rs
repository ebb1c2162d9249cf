//! What an instance holds of WASI: what it has open, and the lines that it writes.

use wasmtime::component::{LinkerInstance, Resource, ResourceTable, ResourceType};

use super::output::Lines;
use super::refused::Refused;
use crate::bindings::host::Level;
use crate::host::Host;

/// Streams and pollables that an instance may have open.
const OPEN: usize = 1_024;

/// An input stream, which is at its end.
pub struct Input;
/// An output stream: standard error, or standard output.
pub struct Output {
    /// Which of [`Wasi::lines`].
    pub index: usize,
}
/// Something that is waited for: an instant, or nothing.
pub struct Pollable(pub Option<u64>);
/// Something that nobody can have.
pub struct Nowhere;

/// The WASI of one instance.
pub struct Wasi {
    /// What it has open.
    pub open: ResourceTable,
    /// Standard output, then standard error.
    pub lines: [Lines; 2],
}

impl Default for Wasi {
    fn default() -> Wasi {
        let mut open = ResourceTable::new();
        open.set_max_capacity(OPEN);
        Wasi { open, lines: [Lines::new(Level::Info), Lines::new(Level::Warn)] }
    }
}

/// Defines a resource by the name that WASI gives it.
pub fn resource(into: &mut LinkerInstance<'_, Host>, name: &str) -> wasmtime::Result<()> {
    match name {
        "pollable" => into.resource(name, ResourceType::host::<Pollable>(), |mut store, at| {
            close(store.data_mut(), Resource::<Pollable>::new_own(at))
        }),
        "input-stream" => into.resource(name, ResourceType::host::<Input>(), |mut store, at| {
            close(store.data_mut(), Resource::<Input>::new_own(at))
        }),
        "output-stream" => into.resource(name, ResourceType::host::<Output>(), |mut store, at| {
            close(store.data_mut(), Resource::<Output>::new_own(at))
        }),
        // Nobody can have one, so nobody can take one for another.
        _ => into.resource(name, ResourceType::host::<Nowhere>(), |_, _| Ok(())),
    }
}

/// Something to wait for: an instant of the clock, or nothing.
pub fn pollable(host: &mut Host, instant: Option<u64>) -> wasmtime::Result<Resource<Pollable>> {
    open(host, Pollable(instant))
}

/// Standard input.
pub fn input(host: &mut Host) -> wasmtime::Result<Resource<Input>> {
    open(host, Input)
}

/// An output stream: 0 for standard output, 1 for standard error.
pub fn output(host: &mut Host, index: usize) -> wasmtime::Result<Resource<Output>> {
    open(host, Output { index })
}

fn open<T: Send + 'static>(host: &mut Host, what: T) -> wasmtime::Result<Resource<T>> {
    let full = |_| Refused(format!("it has more than {OPEN} streams and pollables open, which is the limit"));
    Ok(host.wasi.open.push(what).map_err(full)?)
}

fn close<T: 'static>(host: &mut Host, what: Resource<T>) -> wasmtime::Result<()> {
    host.wasi.open.delete(what)?;
    Ok(())
}
