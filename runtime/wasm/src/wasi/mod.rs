//! WASI 0.2 for components of other toolchains, with nothing of the world behind it.
//!
//! What a component asks for is defined under the very version that it asks for, function by function, as its own type has it. Read [`import`] (which
//! interface is answered how), then the answers: `clock`, `random`, `output`, `streams`, `poll`, `empty`, `refused`. What an instance holds
//! of all that is in `state`.

mod clock;
mod empty;
mod output;
mod poll;
mod random;
mod refused;
mod state;
mod streams;

pub mod import;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Linker, LinkerInstance, ResourceType};

use crate::host::Host;
use import::{Answer, Import};

pub use output::end as end_line;
pub use refused::Refused;
pub use state::Wasi;

/// Something that a component asks for: a function of an interface of WASI, both without version.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// Such as `wasi:clocks/monotonic-clock`.
    interface: &'a str,
    /// Such as `now`.
    function: &'a str,
}

/// Defines what of WASI a component of this type imports.
pub fn define(
    linker: &mut Linker<Host>,
    engine: &Engine,
    ty: &wasmtime::component::types::Component,
) -> wasmtime::Result<()> {
    // An interface may have another's resource under a name of its own: then it is defined already.
    let mut defined: Vec<ResourceType> = Vec::new();
    for (name, import) in ty.imports(engine) {
        let Some(Import { answer, .. }) = import::of(name).filter(|import| import.answer != Answer::Host) else {
            continue;
        };
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        let interface = name.split_once('@').map_or(name, |(interface, _)| interface);
        let mut into = linker.instance(name)?;
        for (export, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(ty) if !defined.contains(&ty) => {
                    defined.push(ty);
                    state::resource(&mut into, export)?;
                }
                ComponentItem::ComponentFunc(_) => {
                    function(&mut into, answer, Asked { interface, function: export })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Defines a function; one that is not known is refused when it is called.
fn function(into: &mut LinkerInstance<'_, Host>, answer: Answer, asked: Asked<'_>) -> wasmtime::Result<()> {
    let known = match answer {
        Answer::Clock => clock::function(into, asked)?,
        Answer::Random => random::function(into, asked)?,
        Answer::Log => output::function(into, asked)?,
        Answer::Empty => empty::function(into, asked)?,
        Answer::Streams => streams::function(into, asked)? || poll::function(into, asked)?,
        Answer::Host | Answer::Ends | Answer::Refused => false,
    };
    if known { Ok(()) } else { refused::function(into, answer, asked) }
}
