//! A transform that puts what clocks say in the place of values, in Rust for `wasm32-wasip2`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use dag_guest::{
    About, Field, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Timestamp, Transform, Type, Value,
};

/// Looks at the clock.
#[derive(Debug)]
pub struct Looks(Instant);

impl Operator for Looks {
    const ABOUT: About = About { name: "looks_rust", doc: "Looks at the clock.", example: "looks_rust(x)" };
}

/// What both clocks say.
fn looked(begun: Instant) -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() + begun.elapsed().as_secs_f64()
}

impl Transform for Looks {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Looks>> {
        println!("rust opened with {} variables", env::vars().count());
        let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
        Ok(Opened::ordered(Looks(Instant::now()), schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        for time in inputs.first().times() {
            if *time == 13 {
                fs::read("/etc/passwd").map_err(|error| format!("thirteen is one too many: {error}"))?;
            }
            out.push(Timestamp(*time), [Value::Float64(looked(self.0))]);
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        looked(self.0);
        Ok(Vec::new())
    }
}

dag_guest::export_transforms!(component = "looks-rust", version = env!("CARGO_PKG_VERSION"), [Looks]);
