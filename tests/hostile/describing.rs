//! A component that misbehaves when it is asked what it is, in the way that `WAY` says.

use std::hint::black_box;

use dag_guest::wasm::aggregate::dag::operator::{host, types};
use dag_guest::wasm::transform::exports::dag::operator::transforming::{Guest, Opening, Output};

struct Component;

dag_guest::wasm::transform::export_transform!(Component with_types_in dag_guest::wasm::transform);

impl Guest for Component {
    fn describe() -> types::Description {
        let (mut operators, mut parameters, mut doc) = (1, 0, 1);
        match WAY {
            "loops" => loops(),
            "traps" => core::arch::wasm32::unreachable(),
            "hoards" => hoards(),
            "chatters" => loop {
                host::log(host::Level::Info, "and another thing");
            },
            "operators" => operators = 300,
            "parameters" => parameters = 33,
            "docs" => doc = 2 << 20,
            way => unreachable!("{way}"),
        }
        let parameter = |number| types::Parameter {
            name: format!("p{number}"),
            kind: types::ParameterKind::Integer,
            required: false,
            positional: false,
            repeated: false,
            default: None,
            doc: String::new(),
        };
        let operator = |number| types::Signature {
            doc: "x".repeat(doc),
            parameters: (0..parameters).map(parameter).collect(),
            ..signature(&format!("operator{number}"), 1)
        };
        description("describing", (0..operators).map(operator))
    }

    fn open(_: String, _: Vec<types::Argument>, _: Vec<types::Input>) -> Result<Opening, String> {
        Err("it only describes".to_owned())
    }

    fn process(_: Vec<Vec<u8>>, _: Vec<u8>) -> Result<Output, String> {
        Err("it only describes".to_owned())
    }

    fn advance(_: Option<i64>) -> Result<Output, String> {
        Err("it only describes".to_owned())
    }

    fn snapshot() -> Result<Vec<Vec<u8>>, String> {
        Err("it only describes".to_owned())
    }

    fn restore(_: u32, _: Vec<Vec<u8>>) -> Result<(), String> {
        Err("it only describes".to_owned())
    }
}
