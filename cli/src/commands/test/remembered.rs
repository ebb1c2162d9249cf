//! What memory an operator has after so many calls.

use anyhow::anyhow;
use dag_conformance::memory;
use dag_conformance::memory::GROWTH;
use dag_expr::Signature;
use dag_wasm::Component;
use serde_json::{Value, json};

use crate::output;

/// Records of the largest frames.
const MOST_ROWS: u64 = 4_096;

/// What stands above what is shown while it is called.
pub const HEADING: &str = "      AFTER CALLS  AN INSTANCE  THIS PROCESS\n";

/// After so many calls an instance has so many bytes, and all of this process so many.
struct Mark {
    calls: u64,
    instance: u64,
    process: u64,
}

/// The memory of one operator at each tenth of its calls.
pub struct Remembered {
    name: String,
    marks: Vec<Mark>,
}

/// Calls an operator so often; `shown` is told what there is to show meanwhile.
///
/// # Errors
/// If it cannot be tried, or a call fails.
pub fn of(
    component: &Component,
    signature: &Signature,
    calls: u64,
    shown: impl Fn(&str),
) -> anyhow::Result<Remembered> {
    let mut marks = Vec::new();
    let mark = |calls: u64, instance: u64| {
        let process = resident_memory();
        shown(&format!("      {calls:>11}  {:>11}  {:>12}\n", output::bytes(instance), output::bytes(process)));
        marks.push(Mark { calls, instance, process });
    };
    memory(component, signature, calls, MOST_ROWS, mark).map_err(|why| anyhow!("{}: {why}", signature.name))?;
    Ok(Remembered { name: signature.name.clone(), marks })
}

impl Remembered {
    /// Whether either grew since the first tenth by more than it may.
    pub fn grows(&self) -> bool {
        self.instance_grows() || self.grew(|mark| mark.process)
    }

    fn instance_grows(&self) -> bool {
        self.grew(|mark| mark.instance)
    }

    fn grew(&self, of: impl Fn(&Mark) -> u64) -> bool {
        let ends = self.marks.first().zip(self.marks.last());
        ends.is_some_and(|(first, last)| of(last) as f64 > of(first) as f64 * GROWTH)
    }

    /// The verdict, for people.
    pub fn text(&self) -> String {
        let verdict = match (self.instance_grows(), self.grows()) {
            (_, false) => "memory stays as it is",
            (true, _) => "ITS MEMORY GROWS",
            (false, true) => "THIS PROCESS'S MEMORY GROWS, and the instance's does not",
        };
        format!("      {verdict}\n")
    }

    /// For programs: an operator with its marks, in bytes.
    pub fn json(&self) -> Value {
        let mark = |mark: &Mark| json!({"calls": mark.calls, "instance": mark.instance, "process": mark.process});
        let marks: Vec<_> = self.marks.iter().map(mark).collect();
        json!({"name": self.name, "verdict": if self.grows() { "grows" } else { "holds" }, "marks": marks})
    }
}

/// The bytes of memory that this process has.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    resident.and_then(|resident| resident.parse::<u64>().ok()).unwrap_or(0) << 10
}
