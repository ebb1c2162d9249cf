//! Components of core modules that Go builds, which are for preview 1 of WASI and become components that import none.
//!
//! `adapter.wat` answers what Go's runtime asks for. Go's linker writes no component type, so the module's exports are taken to be those of both worlds of
//! `wit/`, as `guest-sdk/go` exports them.

use wasmparser::{DataKind, Operator, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::load::LoadError;

/// Answers what Go's runtime asks for.
const ADAPTER: &str = include_str!("adapter.wat");
/// The interface.
const WIT: &str = include_str!("../../../../wit/dag-operator.wit");
/// Both worlds in one, and what the adapter imports.
const WORLDS: &str = "
package dag:preview1;
world operator {
    import dag:operator/host@0.1.0;
    export dag:operator/aggregating@0.1.0;
    export dag:operator/transforming@0.1.0;
}
world adapter {
    import dag:operator/host@0.1.0;
}
";
/// What modules for preview 1 import it as.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";
/// The first address at which Go's linker puts anything; the adapter keeps its line below.
const GO_DATA: i64 = 12_288;

/// The component of a core module that Go built with dag's SDK.
///
/// # Errors
/// If it is no such module, or cannot be made a component.
pub fn preview1_component(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    check_data(module)?;
    let encode = |error| LoadError::Encode(format!("{error:#}"));
    let mut resolve = Resolve::default();
    resolve.push_str("dag-operator.wit", WIT).map_err(encode)?;
    let package = resolve.push_str("preview1.wit", WORLDS).map_err(encode)?;
    let typed = |bytes: &[u8], world: &str| {
        let world = resolve.select_world(&[package], Some(world))?;
        let mut bytes = bytes.to_vec();
        embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
        Ok(bytes)
    };
    let adapter = wat::parse_str(ADAPTER).expect("a test assembles it");
    let (module, adapter) = (typed(module, "operator").map_err(encode)?, typed(&adapter, "adapter").map_err(encode)?);
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).map_err(encode)?.adapter(PREVIEW1, &adapter).map_err(encode)?;
    encoder.encode().map_err(encode)
}

/// Whether a core module is for preview 1. One that is damaged is not: others say so.
pub(crate) fn imports_preview1(module: &[u8]) -> bool {
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    let imports = sections.filter_map(|payload| match payload {
        Payload::ImportSection(section) => Some(section.into_imports().map_while(Result::ok)),
        _ => None,
    });
    imports.flatten().any(|import| import.module == PREVIEW1)
}

/// Refuses a module that has data where the adapter keeps its own.
fn check_data(module: &[u8]) -> Result<(), LoadError> {
    let damaged = |error| LoadError::Encode(format!("{error}"));
    for payload in Parser::new(0).parse_all(module) {
        let Payload::DataSection(section) = payload.map_err(damaged)? else { continue };
        for data in section {
            let DataKind::Active { offset_expr, .. } = data.map_err(damaged)?.kind else { continue };
            let at = offset_expr.get_operators_reader().read().map_err(damaged)?;
            if !matches!(at, Operator::I32Const { value } if i64::from(value) >= GO_DATA) {
                return Err(LoadError::Encode(format!(
                    "it has data below address {GO_DATA}, where Go puts none: only modules that Go builds are taken"
                )));
            }
        }
    }
    Ok(())
}
