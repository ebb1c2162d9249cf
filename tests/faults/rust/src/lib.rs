//! Operators that break their contract, each in one way: `dag test` has to find every one. Each emits a number for each record, or at the end.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};

use dag_guest::{
    About, Field, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Timestamp, Transform,
};
use dag_guest::{Type, Value};

/// Declares an operator, and what it remembers.
macro_rules! fault {
    ($ty:ident { $($field:ident: $of:ty)? }, $name:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Default)]
        pub struct $ty {
            $($field: $of)?
        }

        impl Operator for $ty {
            const ABOUT: About = About { name: $name, doc: $doc, example: concat!($name, "(x)") };
        }
    };
}

fault!(Batch {}, "fault_batch", "Its output depends on where batches end.");
fault!(State { count: i64 }, "fault_state", "Its snapshot lacks what it remembers.");
fault!(Order { keys: BTreeMap<String, i64> }, "fault_map", "It emits in the order of a map.");
fault!(Hold {}, "fault_hold", "Its hold goes back.");
fault!(Random {}, "fault_random", "It draws from a generator that nobody seeded.");
fault!(Global {}, "fault_global", "It remembers in a global.");

fn opened<T>(transform: T) -> Result<Opened<T>> {
    Ok(Opened::ordered(transform, Schema::new(vec![Field::new("count", Type::Int64)]), Lookback::Unbounded))
}

fn each(inputs: &Inputs<'_>, out: &mut Output, mut number: impl FnMut() -> i64) {
    for time in inputs.first().times() {
        out.push(Timestamp(*time), [Value::Int64(number())]);
    }
}

impl Transform for Batch {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Batch>> {
        opened(Batch::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let mut row = 0;
        each(inputs, out, || {
            row += 1;
            row
        });
        Ok(())
    }
}

impl Transform for State {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<State>> {
        opened(State::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        each(inputs, out, || {
            self.count += 1;
            self.count
        });
        Ok(())
    }
}

impl Transform for Order {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Order>> {
        opened(Order::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, _: &mut Output) -> Result {
        // The standard library's maps have other seeds one after the other.
        let times: HashMap<i64, ()> = inputs.first().times().iter().map(|time| (*time, ())).collect();
        times.keys().for_each(|time| *self.keys.entry(time.to_string()).or_default() += time % 1_000);
        Ok(())
    }

    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        if frontier.is_none() {
            let keys: HashMap<&String, i64> =
                self.keys.keys().map(|key| (key, key.len() as i64 + key.parse::<i64>().unwrap_or(0))).collect();
            let time = Timestamp(i64::MAX);
            keys.values().for_each(|number| out.push(time, [Value::Int64(*number)]));
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(self.keys.keys().map(|key| key.clone().into_bytes()).collect())
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        self.keys = chunks.iter().map(|chunk| (String::from_utf8_lossy(chunk).into_owned(), 0)).collect();
        Ok(())
    }
}

impl Transform for Hold {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Hold>> {
        opened(Hold::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        if let Some(first) = inputs.first().times().first() {
            out.hold(Timestamp(first - 3_600_000_000_000));
        }
        Ok(())
    }
}

impl Transform for Random {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Random>> {
        opened(Random::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        each(inputs, out, || RandomState::new().build_hasher().finish() as i64);
        Ok(())
    }
}

static COUNT: AtomicI64 = AtomicI64::new(0);

impl Transform for Global {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Global>> {
        opened(Global::default())
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        each(inputs, out, || COUNT.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

dag_guest::export_transforms!(
    component = "faults-rust",
    version = env!("CARGO_PKG_VERSION"),
    [Batch, State, Order, Hold, Random, Global],
);
