//! What became of an operator that was tried.

use dag_conformance::{Failure, Verdict};
use serde_json::{Value, json};

/// For people.
pub fn text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds(ways) => format!("      the same in {ways} random ways\n"),
        Verdict::Untried(why) => format!("      not tried: {why}\n"),
        Verdict::Breaks(failure) => {
            let Failure { case, what } = &**failure;
            let case: String = case.lines().map(|line| format!("          {line}\n")).collect();
            format!(
                "      BREAKS ITS CONTRACT: {what}\n      the shortest case that was found, over records in this order:\n{case}"
            )
        }
    }
}

/// Adds it to an operator, for programs: the `verdict`, and what more is to be said of it.
pub fn add(operator: &mut Value, verdict: Verdict) {
    let (verdict, more) = match verdict {
        Verdict::Holds(ways) => ("holds", json!({"ways": ways})),
        Verdict::Untried(why) => ("untried", json!({"why": why})),
        Verdict::Breaks(failure) => ("breaks", json!({"why": failure.what, "case": failure.case})),
    };
    operator["verdict"] = verdict.into();
    for (name, value) in more.as_object().expect("each is one") {
        operator[name] = value.clone();
    }
}
