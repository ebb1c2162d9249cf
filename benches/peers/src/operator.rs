//! The examples, natively behind the frames that a component would be given.

use dag_examples::{avg::Avg, ema::Ema, sessions::Sessions};
use dag_guest::component::{AggregateEntry, AggregateInstance, TransformEntry, TransformInstance};
use dag_guest::{Field, Input, Schema, Timestamp, Type};

use crate::records::Batch;

/// What the operators are called.
pub const NAMES: [&str; 3] = ["avg", "ema", "sessions"];

/// One of them.
pub enum Operator {
    /// An aggregate.
    Aggregate(AggregateInstance),
    /// A transform.
    Transform(TransformInstance),
}

impl Operator {
    /// Opens it with the arguments of its example.
    pub fn open(name: &str) -> Operator {
        let schema = Schema::new(vec![Field::new("host", Type::Utf8), Field::new("value", Type::Float64)]);
        let given = |arguments: &[(&str, &str)]| -> Vec<_> {
            arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let inputs = [Input { alias: "x".to_owned(), schema: schema.clone() }];
        let transform = |entry: TransformEntry, name: &str, arguments: &[(&str, &str)]| {
            let opened = TransformInstance::open(&[entry], name, &given(arguments), &inputs);
            Operator::Transform(opened.expect("it takes its example's arguments").0)
        };
        match name {
            "avg" => {
                let entries = [AggregateEntry::new::<Avg>()];
                let bound = AggregateInstance::bind(&entries, "avg_rust", &given(&[("of", "value")]), &schema);
                Operator::Aggregate(bound.expect("it takes its example's arguments").0)
            }
            "ema" => {
                let arguments = [("alpha", "0.2"), ("of", "value"), ("by", "host")];
                transform(TransformEntry::new::<Ema>(), "ema_rust", &arguments)
            }
            "sessions" => {
                transform(TransformEntry::new::<Sessions>(), "sessions_rust", &[("gap", "30s"), ("by", "host")])
            }
            _ => panic!("there is no operator {name}, only {NAMES:?}"),
        }
    }

    /// Takes a batch, and then time comes to its end. Returns the frames that come of it.
    pub fn take(&mut self, batch: &Batch) -> Vec<Vec<u8>> {
        self.take_frame(if let Operator::Aggregate(_) = self { &batch.slots } else { &batch.frame }, batch.end())
    }

    /// The same for a frame.
    pub fn take_frame(&mut self, frame: &[u8], end: i64) -> Vec<Vec<u8>> {
        const FAILS: &str = "the examples take all that is made up";
        match self {
            Operator::Aggregate(avg) => {
                avg.update(frame).expect(FAILS);
                Vec::new()
            }
            Operator::Transform(transform) => {
                let processed = transform.process(&[frame.to_vec()], &[]).expect(FAILS);
                vec![processed.frame, transform.advance(Some(Timestamp(end))).expect(FAILS).frame]
            }
        }
    }
}
