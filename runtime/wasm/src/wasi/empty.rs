//! Where nothing is: no environment, no arguments, no input, no terminal, no files.

use wasmtime::component::{LinkerInstance, Resource, Val};

use super::Asked;
use super::state::{Input, Nowhere, input};
use crate::host::Host;

/// Defines a function that answers so; false if there is none of that name, as for what could only be done with a file.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    match asked.function {
        name @ "get-environment" => into.func_wrap(name, |_, ()| Ok((Vec::<(String, String)>::new(),)))?,
        name @ "get-arguments" => into.func_wrap(name, |_, ()| Ok((Vec::<String>::new(),)))?,
        name @ "initial-cwd" => into.func_wrap(name, |_, ()| Ok((None::<String>,)))?,
        name @ "get-stdin" => into.func_wrap(name, |mut store, ()| -> wasmtime::Result<(Resource<Input>,)> {
            Ok((input(store.data_mut())?,))
        })?,
        name @ ("get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr") => {
            into.func_wrap(name, |_, ()| Ok((None::<Resource<Nowhere>>,)))?;
        }
        name @ "get-directories" => into.func_wrap(name, |_, ()| Ok((Vec::<(Resource<Nowhere>, String)>::new(),)))?,
        name @ "filesystem-error-code" => into.func_new(name, |_, _, _, results| {
            results[0] = Val::Option(None);
            Ok(())
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}
