//! The worlds of `wit/` as wasmtime's bindings. Frames cross as `&[u8]` in and `Vec<u8>` out, each one copy.

#![allow(missing_docs)]

pub mod aggregate {
    wasmtime::component::bindgen!({ path: "../../wit", world: "aggregate" });
}

pub mod transform {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "transform",
        with: {
            "dag:operator/host": super::aggregate::dag::operator::host,
            "dag:operator/types": super::aggregate::dag::operator::types,
        },
    });
}

pub use aggregate::dag::operator::{host, types};
