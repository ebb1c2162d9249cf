//! The standard operators, as component bytes.
//!
//! The build script makes components of the crates beside this one, `aggregates` and `transforms`, and they are embedded
//! here, so that the one binary has them.

/// A component that is part of the binary.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// The name that it also says of itself.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// The components with the standard operators.
pub const COMPONENTS: &[Embedded] = &[
    Embedded { name: "aggregates", bytes: include_bytes!(concat!(env!("OUT_DIR"), "/aggregates.wasm")) },
    Embedded { name: "transforms", bytes: include_bytes!(concat!(env!("OUT_DIR"), "/transforms.wasm")) },
];

/// For tests: the SDK's examples, `guest-sdk/rust/examples`. They are no part of the binary, which does not name them.
pub const EXAMPLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/examples.wasm"));

/// For tests: operators that break their contract, `tests/faults/rust`.
pub const FAULTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/faults.wasm"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_are_small_components() {
        for Embedded { name, bytes } in COMPONENTS {
            // Magic number, version 13, layer 1: a component; a core module has layer 0.
            assert_eq!(bytes[..8], *b"\0asm\x0d\0\x01\0", "{name}");
            assert!(bytes.len() < 1 << 20, "{name} has {} bytes", bytes.len());
        }
    }
}
