//! Runs operators natively in unit tests, through the same frames as a node does, and checks what they promise.
//!
//! ```
//! use dag_guest::harness::{Records, check_determinism, run};
//! # use dag_guest::*;
//! # struct Same;
//! # impl Operator for Same {
//! #     const ABOUT: About = About { name: "same", doc: "Its input.", example: "same(cpu_util)" };
//! # }
//! # impl Transform for Same {
//! #     type Arguments = ();
//! #     fn open((): (), inputs: &[Input]) -> Result<Opened<Same>> {
//! #         Ok(Opened::stateless(Same, inputs[0].schema.clone()))
//! #     }
//! #     fn process(&mut self, inputs: &Inputs, out: &mut Output) -> Result {
//! #         out.append(inputs.first().columns().iter().map(|column| column.to_column()).collect());
//! #         Ok(())
//! #     }
//! # }
//! let input = [Records::each_second([1.0, 4.0, 2.0])];
//! assert_eq!(run::<Same>(&[], &input).unwrap(), input[0]);
//! check_determinism::<Same>(&[], &input);
//! ```

mod aggregates;
mod chance;
mod records;
mod transforms;

pub use aggregates::{check_fold, fold, scan};
pub use chance::random;
pub use records::{Records, SECOND};
pub use transforms::{check_determinism, run};

/// Arguments as the instances take them. Defaults are left to [`Arguments`](crate::Arguments).
fn owned(arguments: &[(&str, &str)]) -> Vec<(String, String)> {
    arguments.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// How many random ways a check goes.
const WAYS: u64 = 64;

#[cfg(test)]
mod tests;
