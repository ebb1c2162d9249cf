//! What operators cost.

use std::time::Duration;

use dag_conformance::cost::BATCHES;
use dag_conformance::{Cost, cost, instance};
use dag_expr::Signature;
use dag_wasm::Component;
use serde_json::{Value, json};

use crate::output::{self, Listing};

/// What one operator costs; nothing where it could not be tried.
pub struct Costs {
    name: String,
    found: Option<(Cost, Duration, u64)>,
}

/// What each of these costs.
pub fn of(component: &Component, signatures: &[&Signature]) -> Vec<Costs> {
    let one = |signature: &&Signature| {
        let found = cost(component, signature).and_then(|cost| {
            let (made, memory) = instance(component, signature)?;
            Ok((cost, made, memory))
        });
        Costs { name: signature.name.clone(), found: found.ok() }
    };
    signatures.iter().map(one).collect()
}

/// For people, as a table.
pub fn text(costs: &[Costs]) -> String {
    let batches = BATCHES.map(|rows| format!("BATCHES OF {rows}"));
    let headings: Vec<_> = std::iter::once("NS PER RECORD")
        .chain(batches.iter().map(String::as_str))
        .chain(["AN INSTANCE IS MADE IN", "AND HAS"])
        .collect();
    let mut listing = Listing::new(&headings);
    for Costs { name, found } in costs {
        let cells = match found {
            Some((cost, made, memory)) => {
                let made = format!("{:.2} ms", made.as_secs_f64() * 1e3);
                cost.iter().map(|ns| format!("{ns:.1}")).chain([made, output::bytes(*memory)]).collect()
            }
            None => vec!["-".to_owned(); BATCHES.len() + 2],
        };
        listing.row(std::iter::once(name.clone()).chain(cells).collect());
    }
    listing.render()
}

impl Costs {
    /// Adds them to an operator, for programs: nanoseconds per record by the size of batches, and an instance's seconds and bytes.
    pub fn add(&self, operator: &mut Value) {
        let Some((cost, made, memory)) = &self.found else { return };
        let costs: Vec<_> = BATCHES.iter().zip(cost).map(|(rows, ns)| json!({"batch": rows, "ns": ns})).collect();
        operator["costs"] = costs.into();
        operator["instance"] = json!({"made_in": made.as_secs_f64(), "bytes": memory});
    }
}
