//! What is found in operators that keep their contract, and in such that do not.

use std::sync::Arc;

use dag_conformance::{Effort, Failure, Verdict, check, cost};
use dag_operators::{COMPONENTS, EXAMPLES, FAULTS};
use dag_wasm::{Component, Runtime, RuntimeOptions};

fn component(bytes: &[u8]) -> Arc<Component> {
    Runtime::new(RuntimeOptions::default()).unwrap().load(bytes).unwrap()
}

#[test]
fn the_standard_operators_and_the_examples_hold() {
    for bytes in COMPONENTS.iter().map(|embedded| embedded.bytes).chain([EXAMPLES]) {
        let component = component(bytes);
        for signature in component.signatures() {
            match check(&component, signature, Effort::default()) {
                Verdict::Holds(ways) => assert!(ways > 10, "{} in only {ways} ways", signature.name),
                other => panic!("{}: {other:#?}", signature.name),
            }
        }
    }
}

#[test]
fn every_planted_fault_is_found_with_a_short_case() {
    let component = component(FAULTS);
    assert_eq!(component.signatures().len(), 6);
    for signature in component.signatures() {
        let verdict = check(&component, signature, Effort::default());
        let Verdict::Breaks(failure) = verdict else { panic!("{}: {verdict:?}", signature.name) };
        let Failure { case, what } = *failure;
        println!("{}: {what}\n{case}", signature.name);
        assert!(case.lines().count() <= 8, "{}: {what}\n{case}", signature.name);
        assert_eq!(
            what.contains("a hold never goes back"),
            signature.name == "fault_hold",
            "{}: {what}",
            signature.name
        );
    }
}

#[test]
fn what_an_operator_costs_is_measured_at_each_size_of_batch() {
    let component = component(EXAMPLES);
    for signature in component.signatures() {
        let cost = cost(&component, signature).unwrap();
        assert!(cost.iter().all(|ns| *ns > 0.0 && *ns < 1e6), "{}: {cost:?}", signature.name);
    }
}
