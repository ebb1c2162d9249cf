//! What is thrown at the node. Each file is a kind, and says what it once did; each attack is bounded in time and uses streams of its own.

mod backups;
mod bodies;
mod columns;
mod components;
mod connections;
mod floats;
mod instances;
mod keys;
mod operators;
mod pages;
mod positions;
mod stamped;
mod wide;
mod windows;

use std::fs;

use dag_tests::Http;
use dag_tests::hostile::{aggregates, transforms};

use crate::client::Client;

/// A way to attack.
pub struct Attack {
    /// As `DAG_TESTS_ATTACK` names it.
    pub name: &'static str,
    /// Does it once.
    pub make: fn(&mut Client),
}

/// All of them.
pub const ATTACKS: &[Attack] = &[
    Attack { name: "backups", make: backups::make },
    Attack { name: "bodies", make: bodies::make },
    Attack { name: "columns", make: columns::make },
    Attack { name: "components", make: components::make },
    Attack { name: "connections", make: connections::make },
    Attack { name: "floats", make: floats::make },
    Attack { name: "instances", make: instances::make },
    Attack { name: "long-keys", make: keys::long },
    Attack { name: "unique-keys", make: keys::unique },
    Attack { name: "operators", make: operators::make },
    Attack { name: "pages", make: pages::make },
    Attack { name: "positions", make: positions::make },
    Attack { name: "stamped", make: stamped::make },
    Attack { name: "wide", make: wide::make },
    Attack { name: "windows", make: windows::make },
];

const JSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
const WASM: &str = "application/wasm";

/// Deploys the operators that misbehave.
pub fn prepare(http: &Http) {
    for component in [transforms(), aggregates()] {
        let answer = http.post("components", &[], WASM, &fs::read(component).expect("it was built"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
