//! From bytes that somebody deploys to a component that may run: its form, its imports, its exports.

use std::panic;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Engine, Error};
use wit_component::ComponentEncoder;

use crate::CallError;
use crate::bridge::Bridge;
use crate::description::DescriptionError;
use crate::preview1::{PREVIEW1, imports_preview1};
use crate::shape::ShapeError;
use crate::wasi::{self, import::Import};
use crate::words;

/// The version of `dag:operator` that this node speaks.
pub const INTERFACE_VERSION: &str = "0.1.0";
/// Bytes that a component may have.
pub const COMPONENT_BYTES: usize = 128 << 20;

const PACKAGE: &str = "dag:operator/";
const MAGIC: &[u8] = b"\0asm";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Why bytes are not a component that this node can run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Too many bytes.
    #[error("the component has {0} bytes; the limit is {COMPONENT_BYTES}")]
    TooLarge(usize),
    /// It nests too deeply or has too much of something, or is damaged.
    #[error("this component cannot be taken: {0}")]
    Shape(#[from] ShapeError),
    /// It does not begin as WebAssembly does.
    #[error("this is not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    /// A core module that does not say what its imports and exports mean.
    #[error(
        "this is a core module without a component type; build it with dag's SDK or wit-bindgen, or make it a component first"
    )]
    NoComponentType,
    /// A core module for preview 1 of WASI.
    #[error(
        "this is a core module for preview 1 of WASI (it imports `{PREVIEW1}`), no component: build it for preview 2, in Rust with `--target wasm32-wasip2`, make it a component with \
         `wasm-tools component new --adapt`, or, in a project of `dag new`, deploy what `dag build` leaves, build/NAME.wasm"
    )]
    Preview1,
    /// A core module that cannot be made a component.
    #[error("this core module cannot be made a component: {0}")]
    Encode(String),
    /// It does not compile: it is damaged, or uses what the engine does not have.
    #[error("this component does not compile: {0}")]
    Compile(String),
    /// It wants something of the world.
    #[error(
        "it imports `{0}`, which nothing here answers; an operator may import `dag:operator/host@{INTERFACE_VERSION}` and, of WASI 0.2, clocks, random, cli, io, \
         filesystem, sockets and http: build it without what needs this, or leave it out of the world that it is built for"
    )]
    Import(String),
    /// It was built for another version of the interface.
    #[error(
        "it was built for `{0}`; this node speaks dag:operator@{INTERFACE_VERSION}: build it with the SDK of a dag of the node's version, which `dag build --sdk` puts into a \
         project, or run a node that speaks that"
    )]
    InterfaceVersion(String),
    /// It implements neither world.
    #[error(
        "it exports neither `dag:operator/aggregating@{INTERFACE_VERSION}` nor `dag:operator/transforming@{INTERFACE_VERSION}`"
    )]
    NoOperators,
    /// Its imports or exports have other types than the interface has.
    #[error("it does not fit dag:operator@{INTERFACE_VERSION}: {0}")]
    Interface(String),
    /// The process that builds components refused it, and says why.
    #[error("{0}")]
    Refused(String),
    /// To build it takes more than that may take.
    #[error("this component cannot be taken: {0}")]
    Bounds(String),
    /// The process that builds components failed for reasons of its own.
    #[error("the process that builds components failed: {0}")]
    Builder(String),
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Abandoned,
    /// Its compiled code cannot be used.
    #[error("its compiled code cannot be used: {0}")]
    Code(String),
    /// It cannot say what it is.
    #[error("it cannot be described: {0}")]
    Describe(#[from] CallError),
    /// What it says of itself does not hold together.
    #[error(transparent)]
    Description(#[from] DescriptionError),
}

/// Refuses what is no WebAssembly, or more of it than is taken.
pub(crate) fn bounded(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > COMPONENT_BYTES {
        return Err(LoadError::TooLarge(bytes.len()));
    }
    if bytes.starts_with(MAGIC) { Ok(()) } else { Err(LoadError::NotWasm) }
}

/// The component that these bytes are, or that this core module describes.
///
/// # Errors
/// If they are neither.
pub fn component_of(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    bounded(bytes)?;
    to_component(bytes)
}

/// The bytes of a component: those given, the component that this core module describes, or this guest with the bridge that it needs.
pub(crate) fn to_component(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    if !bytes.starts_with(CORE_MODULE) {
        return Bridge::of(bytes).map_or_else(|| Ok(bytes.to_vec()), |bridge| bridge.compose(bytes));
    }
    // The encoder takes a section's length at its word, and panics where it leads outside.
    panic::catch_unwind(|| encode(bytes))
        .unwrap_or_else(|_| Err(LoadError::Encode("a section is longer than the file".to_owned())))
}

/// The component that a core module describes.
fn encode(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    if imports_preview1(module) {
        return Err(LoadError::Preview1);
    }
    let encode = |error| LoadError::Encode(format!("{error:#}"));
    let (typed, _) = wit_component::metadata::decode(module).map_err(encode)?;
    if typed.is_none() {
        return Err(LoadError::NoComponentType);
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(module).map_err(encode)?.encode().map_err(encode)
}

/// What a component asks of its host, and which worlds it implements.
pub(crate) struct Worlds {
    /// In the order of their names.
    pub imports: Vec<Import>,
    pub aggregate: bool,
    pub transform: bool,
}

/// Refuses imports that nothing answers, and interfaces of another version.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<Worlds, LoadError> {
    let ty = component.component_type();
    let mut imports = Vec::new();
    for (name, import) in ty.imports(engine) {
        match (interface(name)?, wasi::import::of(name)) {
            (Some("types"), _) => {}
            (_, Some(answered)) if matches!(import.ty, ComponentItem::ComponentInstance(_)) => imports.push(answered),
            _ => return Err(LoadError::Import(words::fit(name.to_owned()))),
        }
    }
    imports.sort_by(|one, other| one.name.cmp(&other.name));
    let mut worlds = Worlds { imports, aggregate: false, transform: false };
    for (name, _) in ty.exports(engine) {
        match interface(name)? {
            Some("aggregating") => worlds.aggregate = true,
            Some("transforming") => worlds.transform = true,
            _ => {}
        }
    }
    match worlds.aggregate || worlds.transform {
        true => Ok(worlds),
        false => Err(LoadError::NoOperators),
    }
}

/// wasmtime's reason why imports or exports do not fit.
pub(crate) fn misfit(error: Error) -> LoadError {
    LoadError::Interface(format!("{error:#}"))
}

/// The interface of our package that `name` names; none if it names something else.
fn interface(name: &str) -> Result<Option<&str>, LoadError> {
    let Some(ours) = name.strip_prefix(PACKAGE) else { return Ok(None) };
    match ours.split_once('@') {
        Some((interface, INTERFACE_VERSION)) => Ok(Some(interface)),
        _ => Err(LoadError::InterfaceVersion(name.into())),
    }
}
