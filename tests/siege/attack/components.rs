//! Components that nest until whoever parses them runs out of stack, that grow in memory, or that take minutes to compile.

use super::WASM;
use crate::client::Client;

/// The beginnings of a core module and of a component.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

pub fn make(client: &mut Client) {
    let bytes = match client.below(7) {
        0 => nested_types(0x42, 653),
        1 => nested_types(0x41, 1_219),
        2 => nested_components(2_000),
        3 => nested_blocks(100_000),
        4 => loops(20_000),
        5 => types(50_000),
        _ => [MODULE, &(0..client.below(5_000)).map(|_| client.below(256) as u8).collect::<Vec<_>>()].concat(),
    };
    let dry_run = client.one(&["true", "false"]);
    client.post("components", &[("dry_run", dry_run)], WASM, &bytes);
}

/// LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &number(content.len()), content].concat()
}

/// Types of instances or components within each other.
fn nested_types(kind: u8, depth: usize) -> Vec<u8> {
    let inner = (0..depth).fold(vec![kind, 0], |inner, _| [&[kind, 1, 1][..], &inner].concat());
    [COMPONENT, &section(7, &[&[1][..], &inner].concat())].concat()
}

/// Components within each other.
fn nested_components(depth: usize) -> Vec<u8> {
    (0..depth).fold(COMPONENT.to_vec(), |inner, _| [COMPONENT, &section(4, &inner)].concat())
}

/// A module with one function that has this body.
fn module(body: &[u8]) -> Vec<u8> {
    let function = [&[0][..], body, &[0x0B]].concat();
    let code = [&[1][..], &number(function.len()), &function].concat();
    [MODULE, &section(1, &[1, 0x60, 0, 0]), &section(3, &[1, 0]), &section(10, &code)].concat()
}

/// A function of blocks within each other.
fn nested_blocks(depth: usize) -> Vec<u8> {
    module(&[[2, 0x40].repeat(depth), vec![0x0B; depth]].concat())
}

/// A function of loops within each other that can be left at each depth.
fn loops(count: usize) -> Vec<u8> {
    let (depth, rest) = (200, count / 200);
    let nest = [[3, 0x40].repeat(depth), [0x41, 1, 0x0D, 0].repeat(20), vec![0x0B; depth]].concat();
    module(&nest.repeat(rest))
}

/// A component with many types.
fn types(count: usize) -> Vec<u8> {
    let types = [number(count), [0x72, 1, 1, b'a', 0x79].repeat(count)].concat();
    [COMPONENT, &section(7, &types)].concat()
}
