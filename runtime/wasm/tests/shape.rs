//! What nests too deeply or has too much of something is refused, by name, before anything recurses over it.

mod support;

use dag_wasm::{Limits, LoadError, Runtime, RuntimeOptions, ShapeError, Thing};
use support::Guest;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number > 0 { byte | 0x80 } else { byte });
        if number == 0 {
            return bytes;
        }
    }
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], leb(body.len()).as_slice(), body].concat()
}

fn custom(name: &str, body: &[u8]) -> Vec<u8> {
    section(0, &[leb(name.len()).as_slice(), name.as_bytes(), body].concat())
}

/// A component with a section of one type: of an instance (0x42) or a component (0x41), so deep in others of its kind.
fn types(kind: u8, depth: usize) -> Vec<u8> {
    let mut body = vec![1];
    body.extend([kind, 1, 1].repeat(depth - 1));
    body.extend([kind, 0]);
    [COMPONENT, &section(7, &body)].concat()
}

/// Components within one another.
fn components(depth: usize) -> Vec<u8> {
    (1..depth).fold(COMPONENT.to_vec(), |inner, _| [COMPONENT, &section(4, &inner)].concat())
}

/// A module with one function of this body.
fn function(body: &[u8]) -> Vec<u8> {
    let code = [&[0], body, &[0x0b]].concat();
    let code = [&[1], leb(code.len()).as_slice(), &code].concat();
    [MODULE, &section(1, &[1, 0x60, 0, 0]), &section(3, &[1, 0]), &section(10, &code)].concat()
}

fn nested(open: u8, depth: usize) -> Vec<u8> {
    function(&[[open, 0x40].repeat(depth), vec![0x0b; depth]].concat())
}

/// What there is too much of, and how much was found.
fn refused(bytes: &[u8]) -> Option<(Thing, u64)> {
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    match runtime.build(bytes, Limits::default()) {
        Err(LoadError::Shape(ShapeError::TooMuch { thing, found, .. })) => Some((thing, found)),
        _ => None,
    }
}

#[test]
fn nesting_is_refused_at_its_limit_and_however_deep_it_is() {
    for kind in [0x41, 0x42] {
        assert_eq!(refused(&types(kind, 64)), None);
        for depth in [65, 653, 1_219, 5_000_000] {
            assert_eq!(refused(&types(kind, depth)), Some((Thing::Types, 65)), "{depth} types");
        }
    }
    assert_eq!(refused(&components(16)), None);
    for depth in [17, 1_000] {
        assert_eq!(refused(&components(depth)), Some((Thing::Components, 17)), "{depth} components");
    }
}

#[test]
fn what_a_core_module_says_in_a_component_type_is_looked_at_like_a_component() {
    let module = |name: &str, inner: &[u8]| [MODULE, &custom(name, inner)].concat();
    for name in ["component-type", "component-type:wit-bindgen:0.61.0:a:b:encoded world"] {
        assert_eq!(refused(&module(name, &types(0x42, 5_000))), Some((Thing::Types, 65)));
    }
    assert_eq!(refused(&module("producers", &types(0x42, 5_000))), None);
    let within = (0..20).fold(COMPONENT.to_vec(), |inner, _| module("component-type", &inner));
    assert_eq!(refused(&within), Some((Thing::Components, 17)));
    let many = [MODULE, &custom("component-type", COMPONENT).repeat(65)].concat();
    assert_eq!(refused(&many), Some((Thing::ComponentTypes, 65)));
}

#[test]
fn a_functions_blocks_loops_and_bytes_are_bounded() {
    const BLOCK: u8 = 0x02;
    const LOOP: u8 = 0x03;
    assert_eq!(refused(&nested(BLOCK, 8_191)), None);
    assert_eq!(refused(&nested(BLOCK, 8_193)), Some((Thing::Blocks, 8_193)));
    assert_eq!(refused(&nested(LOOP, 128)), None);
    assert_eq!(refused(&nested(LOOP, 129)), Some((Thing::Loops, 129)));
    // One after the other they do not nest.
    assert_eq!(refused(&function(&[LOOP, 0x40, 0x0b].repeat(1_000))), None);
    let nops = |bytes: usize| function(&vec![0x01; bytes - 2]);
    assert_eq!(refused(&nops(1 << 20)), None);
    assert_eq!(refused(&nops((1 << 20) + 1)), Some((Thing::FunctionBytes, (1 << 20) + 1)));
}

#[test]
fn what_there_is_too_much_of_is_refused_by_name() {
    let module = |id, body: &[u8]| [MODULE, &section(id, body)].concat();
    let memories = |count: usize| [leb(count), [0, 1].repeat(count)].concat();
    assert_eq!(refused(&module(5, &memories(4))), None);
    assert_eq!(refused(&module(5, &memories(5))), Some((Thing::Memories, 5)));
    // In several modules of one component, too.
    let five = section(1, &module(5, &memories(1))).repeat(5);
    assert_eq!(refused(&[COMPONENT, &five].concat()), Some((Thing::Memories, 5)));
    let tables = |count: usize| [leb(count), [0x70, 0, 0].repeat(count)].concat();
    assert_eq!(refused(&module(4, &tables(257))), Some((Thing::Tables, 257)));
    // As many as a section claims, before they are there.
    assert_eq!(refused(&module(3, &leb(200_001))), Some((Thing::Functions, 200_001)));
    assert_eq!(refused(&module(1, &leb(500_001))), Some((Thing::Definitions, 500_001)));
    let instances = section(2, &[leb(1_001), [1, 0].repeat(1_001)].concat());
    assert_eq!(refused(&[COMPONENT, &instances].concat()), Some((Thing::Instances, 1_001)));
    let modules = section(1, MODULE).repeat(1_001);
    assert_eq!(refused(&[COMPONENT, &modules].concat()), Some((Thing::Modules, 1_001)));
}

#[test]
fn a_refusal_says_what_was_found_where_and_what_the_limit_is() {
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    let told = |bytes: &[u8]| runtime.build(bytes, Limits::default()).unwrap_err().to_string();
    let expected = "this component cannot be taken: types of components and instances lie 65 deep in one another, at byte 206: the limit is 64";
    assert_eq!(told(&types(0x42, 653)), expected);
    let why = told(b"\0asm\x01\0\0\0\x0a\x64\x01");
    assert!(why.contains("it is damaged") && why.contains("offset 0x"), "{why}");
}

#[test]
fn what_our_own_tools_build_is_far_from_all_of_these() {
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    assert!(runtime.build(&Guest::default().module(), Limits::default()).is_ok());
    for embedded in dag_operators::COMPONENTS {
        assert!(runtime.build(embedded.bytes, Limits::default()).is_ok(), "{}", embedded.name);
    }
}
