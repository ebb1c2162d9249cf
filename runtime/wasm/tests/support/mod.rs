//! A guest in WebAssembly text: an aggregate `probe` whose functions do what a test says. Written without the SDK, because the SDK
//! keeps its users from most of what is tried here.

// Each test file uses its part.
#![allow(dead_code)]

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("../../../../wit/dag-operator.wit");

/// What the guest says and does.
pub struct Guest {
    /// The version of the interface that it is built for.
    pub interface: &'static str,
    pub name: &'static str,
    pub version: &'static str,
    pub operator: &'static str,
    pub min_inputs: u32,
    pub state_read: u32,
    /// More interfaces to import, as packages of WIT, and their names.
    pub wit: (&'static str, &'static [&'static str]),
    /// More imports.
    pub imports: &'static str,
    /// The column that `bind` asks for.
    pub column: u32,
    /// More of the module.
    pub more: &'static str,
    /// The body of `describe`, which leaves a pointer to its result: `$description` for what the fields above say.
    pub describe: &'static str,
    /// The body of `bind`, likewise: `$binding`.
    pub bind: &'static str,
    /// The body of `update`, which leaves a pointer to its result: `$ok` for success.
    pub update: &'static str,
    /// The body of `scan`, likewise.
    pub scan: &'static str,
    /// The body of `state`, likewise.
    pub state: &'static str,
}

impl Default for Guest {
    fn default() -> Guest {
        Guest {
            interface: "0.1.0",
            name: "test-guest",
            version: "1.2.3",
            operator: "probe",
            min_inputs: 1,
            state_read: 1,
            wit: ("", &[]),
            imports: "",
            column: 0,
            more: "",
            describe: "(global.get $description)",
            bind: "(global.get $binding)",
            update: "(global.get $ok)",
            scan: "(global.get $ok)",
            state: "(global.get $ok)",
        }
    }
}

/// Where the guest's constants lie; its heap begins at a page's end.
const DESCRIPTION: u32 = 64;
const SIGNATURE: u32 = 128;
const STATE_READ: u32 = 256;
const BINDING: u32 = 320;
const COLUMNS: u32 = 384;
const OK: u32 = 448;
const ERROR: u32 = 512;
const RETURN: u32 = 640;
const TEXTS: u32 = 1024;

/// The words that `$error` and a log line in a body can point to: 14 bytes at 1024.
pub const WORDS: &str = "the disk is on";

/// A body of `update` that takes 64 MiB and writes to all of it.
pub const HOLD_64_MIB: &str = "(drop (memory.grow (i32.const 1024)))
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x4000000))
    (global.get $ok)";

impl Guest {
    /// A core module with its component type, as `wit-bindgen` makes them.
    pub fn module(&self) -> Vec<u8> {
        let mut module = self.untyped();
        let mut resolve = Resolve::default();
        let wit = WIT.replace("dag:operator@0.1.0", &format!("dag:operator@{}", self.interface));
        resolve.push_str("dag-operator.wit", &wit).unwrap();
        let imports: String = self.wit.1.iter().map(|name| format!("import {name};\n")).collect();
        let world = format!(
            "package test:guest;\nworld guest {{\n include dag:operator/aggregate@{};\n {imports} }}\n{}",
            self.interface, self.wit.0
        );
        let package = resolve.push_str("guest.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        module
    }

    /// The same without its component type.
    pub fn untyped(&self) -> Vec<u8> {
        let Guest { interface, imports, more, describe, bind, update, scan, state, .. } = self;
        let export = |name: &str| format!(r#"(export "dag:operator/aggregating@{interface}#{name}")"#);
        let data: String = self.data().iter().map(|byte| format!("\\{byte:02x}")).collect();
        let idle: String = ["combine", "merge", "finish", "clear"]
            .map(|name| format!("(func {} (param i32 i32) (result i32) (global.get $ok))\n", export(name)))
            .concat();
        let text = format!(
            r#"(module
                (import "dag:operator/host@{interface}" "log" (func $log (param i32 i32 i32)))
                {imports}
                (memory (export "memory") 1)
                (global $description i32 (i32.const {DESCRIPTION}))
                (global $binding i32 (i32.const {BINDING}))
                (global $ok i32 (i32.const {OK}))
                (global $error i32 (i32.const {ERROR}))
                (global $return i32 (i32.const {RETURN}))
                (global $words i32 (i32.const {TEXTS}))
                (global $next (mut i32) (i32.const 65536))
                (data (i32.const 0) "{data}")
                (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    (local.set $at (global.get $next))
                    (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
                    (block $room
                        (loop $grow
                            (br_if $room (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
                            (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                        unreachable)
                    (local.get $at))
                {more}
                (func {describe_export} (result i32) {describe})
                (func {bind_export} (param i32 i32 i32 i32 i32 i32) (result i32) {bind})
                (func $update {update_export} (param $frame i32) (param $length i32) (result i32) {update})
                (func {scan_export} (param $frame i32) (param $length i32) (result i32) {scan})
                (func {state_export} (param $frame i32) (param $length i32) (result i32) {state})
                {idle})"#,
            describe_export = export("describe"),
            bind_export = export("bind"),
            update_export = export("update"),
            scan_export = export("scan"),
            state_export = export("state"),
        );
        wat::parse_str(text).unwrap()
    }

    /// The guest's constants as the canonical ABI lays them out.
    fn data(&self) -> Vec<u8> {
        let mut data = vec![0; TEXTS as usize];
        let mut text = |text: &str| {
            let at = data.len() as u32;
            data.extend_from_slice(text.as_bytes());
            [at, text.len() as u32]
        };
        let words = text(WORDS);
        let [name, version, operator] = [self.name, self.version, self.operator].map(&mut text);
        let doc = text("does as the test says");
        let mut put = |at: u32, words: &[u32]| {
            for (index, word) in words.iter().enumerate() {
                let at = at as usize + 4 * index;
                data[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
        };
        put(DESCRIPTION, &[name[0], name[1], version[0], version[1], SIGNATURE, 1]);
        let no_parameters = [4, 0];
        let no_key = [0, 0, 0];
        put(SIGNATURE, &[operator[0], operator[1], doc[0], doc[1], doc[0], doc[1], self.min_inputs, 1, 1]);
        put(SIGNATURE + 36, &[no_parameters.as_slice(), &no_key, &[1, STATE_READ, 1]].concat());
        put(STATE_READ, &[self.state_read]);
        // Ok, float64, one column, a lookback of 0x5_0000_0003 ns.
        put(BINDING, &[0, 0, 2, COLUMNS, 1, 0, 1, 0, 3, 5]);
        put(COLUMNS, &[self.column]);
        put(OK, &[0, 0, 0]);
        put(ERROR, &[1, words[0], words[1]]);
        data
    }
}
