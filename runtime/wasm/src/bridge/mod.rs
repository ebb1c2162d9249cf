//! Components of guests whose toolchain does not pass on all that `dag:operator` says. Such a guest exports interfaces that its toolchain does pass on, in a
//! package of its SDK's; a *bridge*, a small component of ours, exports `dag:operator` and calls it.
//!
//! `composed.wat` holds both; `quickjs.wat` is the bridge of JavaScript, `python.wat` that of Python.

use wasmparser::{Chunk, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::load::LoadError;

/// The interface.
const WIT: &str = include_str!("../../../../wit/dag-operator.wit");
/// How a component begins: magic and version.
const PREAMBLE: usize = 8;
/// `composed.wat`, of whatever package.
const COMPOSED: &str = include_str!("composed.wat");
/// The identifier of a section with a component.
const COMPONENT_SECTION: u8 = 4;

/// A toolchain whose guests need a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bridge {
    /// componentize-qjs, which passes 64-bit integers as doubles.
    QuickJs,
    /// componentize-py, which never frees bytes that a guest passes out, but text.
    Python,
}

/// What a bridge is made of.
struct Parts {
    /// The package that guests and bridge speak.
    package: &'static str,
    /// Its definition.
    wit: &'static str,
    /// The bridge's core module, as text.
    module: &'static str,
}

impl Bridge {
    const fn parts(self) -> Parts {
        match self {
            Bridge::QuickJs => Parts {
                package: "dag:quickjs",
                wit: include_str!("../../../../guest-sdk/js/wit/quickjs.wit"),
                module: include_str!("quickjs.wat"),
            },
            Bridge::Python => Parts {
                package: "dag:python",
                wit: include_str!("../../../../guest-sdk/python/dag_guest/wit/python.wit"),
                module: include_str!("python.wat"),
            },
        }
    }

    /// The bridge that this component needs, by what it exports; none if it is of another kind.
    pub fn of(component: &[u8]) -> Option<Bridge> {
        let names = exports(component).ok()?;
        let needs = |bridge: &Bridge| names.iter().any(|name| name.split('/').next() == Some(bridge.parts().package));
        [Bridge::QuickJs, Bridge::Python].into_iter().find(needs)
    }

    /// The component that implements `dag:operator` with this guest. Whether the guest fits is found out where that is compiled.
    pub fn compose(self, guest: &[u8]) -> Result<Vec<u8>, LoadError> {
        let Parts { package, wit, module } = self.parts();
        let bridge = component(wit, &assembled(module))?;
        let composed = assembled(&COMPOSED.replace("PACKAGE", package));
        let mut parts = [guest, &bridge].into_iter();
        let mut whole = Vec::with_capacity(composed.len() + guest.len() + bridge.len());
        let (preamble, mut rest) = composed.split_at(PREAMBLE);
        whole.extend_from_slice(preamble);
        while let Some(&id) = rest.first() {
            let (section, after) = rest.split_at(section_length(rest));
            match id {
                COMPONENT_SECTION => append_section(&mut whole, parts.next().expect("two are to be put in")),
                _ => whole.extend_from_slice(section),
            }
            rest = after;
        }
        Ok(whole)
    }
}

/// What a component exports itself; those in it are passed over.
fn exports(component: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let (mut parser, mut rest, mut names) = (Parser::new(0), component, Vec::new());
    loop {
        let Chunk::Parsed { payload, consumed } = parser.parse(rest, true)? else { unreachable!("there is no more") };
        rest = &rest[consumed..];
        match payload {
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                rest = rest.get(unchecked_range.len()..).unwrap_or_default();
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    names.push(export?.name.name.to_owned());
                }
            }
            Payload::End(_) => return Ok(names),
            _ => {}
        }
    }
}

/// A bridge as a component.
fn component(wit: &str, module: &[u8]) -> Result<Vec<u8>, LoadError> {
    let encode = |error| LoadError::Encode(format!("{error:#}"));
    let mut resolve = Resolve::default();
    resolve.push_str("dag-operator.wit", WIT).map_err(encode)?;
    let package = resolve.push_str("guest.wit", wit).map_err(encode)?;
    let world = resolve.select_world(&[package], Some("bridge")).map_err(encode)?;
    let mut typed = module.to_vec();
    embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8).map_err(encode)?;
    ComponentEncoder::default().validate(true).module(&typed).map_err(encode)?.encode().map_err(encode)
}

fn assembled(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a test assembles it")
}

/// How long the first of these sections is: its identifier, its length as LEB128, and what it holds.
fn section_length(sections: &[u8]) -> usize {
    let (mut length, mut at) = (0, 1);
    loop {
        length |= usize::from(sections[at] & 0x7f) << (7 * (at - 1));
        at += 1;
        if sections[at - 1] < 0x80 {
            return at + length;
        }
    }
}

/// Appends a section that holds a component.
fn append_section(whole: &mut Vec<u8>, component: &[u8]) {
    whole.push(COMPONENT_SECTION);
    let mut length = u32::try_from(component.len()).expect("a component has less than 4 GiB");
    // LEB128.
    while length >= 0x80 {
        whole.push(length as u8 | 0x80);
        length >>= 7;
    }
    whole.push(length as u8);
    whole.extend_from_slice(component);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_put_beside_its_bridge() {
        for bridge in [Bridge::QuickJs, Bridge::Python] {
            let package = bridge.parts().package;
            let guest = format!(
                r#"(component (component $it) (instance $it (instantiate $it)) (export "{package}/aggregating" (instance $it)))"#
            );
            let guest = assembled(&guest);
            assert_eq!(Bridge::of(&guest), Some(bridge));
            let composed = bridge.compose(&guest).unwrap();
            assert!(composed.windows(guest.len()).any(|window| window == guest));
            assert_eq!(
                exports(&composed).unwrap(),
                ["dag:operator/aggregating@0.1.0", "dag:operator/transforming@0.1.0"]
            );
            assert_eq!(Bridge::of(&composed), None, "it needs no other");
        }
    }

    #[test]
    fn what_is_damaged_needs_no_bridge() {
        let guest = assembled(
            r#"(component (component $it) (instance $it (instantiate $it)) (export "dag:python/aggregating" (instance $it)))"#,
        );
        (0..guest.len()).for_each(|length| _ = Bridge::of(&guest[..length]));
        assert_eq!(Bridge::of(b"\0asm\x0d\0\x01\0"), None);
    }
}
