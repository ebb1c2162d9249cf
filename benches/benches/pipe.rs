//! The whole engine, from NDJSON to CSV, against the decoding of its input alone: what a record costs besides being read.

use std::hint::black_box;
use std::io::Cursor;
use std::thread;

use arrow_array::RecordBatch;
use dag_benches::comparison::Comparison;
use dag_benches::readings::{BATCH, batches, schema};
use dag_codec::{Decoder, EncodeOptions, Encoder, Format, TimeColumn};
use dag_node::pipe::{self, PipeOptions};
use serde_json::json;
use tokio::runtime::Runtime;

const BATCHES: usize = 128;

fn main() {
    let runtime = Runtime::new().expect("threads");
    let bodies: Vec<Vec<u8>> = batches(BATCHES).iter().map(ndjson).collect();
    let whole = bodies.concat();
    Comparison::new("NDJSON in, avg(x, 5min, by=host), CSV out", (BATCHES * BATCH) as u64)
        .way("decoding the input", || decode(&bodies))
        .way("a pipe: decoding, log, average, log, CSV", || average(&runtime, whole.clone()))
        .print();
}

fn ndjson(batch: &RecordBatch) -> Vec<u8> {
    let mut body = Vec::new();
    Encoder::new(Format::Json, &schema(), EncodeOptions::default()).encode(batch, None, &mut body);
    body
}

fn decode(bodies: &[Vec<u8>]) {
    let (schema, time) = (schema(), TimeColumn::default());
    for body in bodies {
        let decoded = Decoder::new(&schema, &time).decode(Format::Json, body, 1).expect("it is NDJSON");
        assert_eq!(black_box(decoded).rows.len(), BATCH);
    }
}

fn average(runtime: &Runtime, input: Vec<u8>) {
    let scratch = tempfile::tempdir().expect("a folder for a node");
    let columns = [("host", "utf8"), ("value", "float64")].map(|(name, ty)| json!({"name": name, "type": ty}));
    let settings = json!({"name": "x", "schema": columns});
    let options = PipeOptions {
        expr: "avg(x, 5min, by=host)".to_owned(),
        input: Format::Json,
        output: Some(Format::Csv),
        settings: serde_json::from_value(settings).expect("these are settings"),
        workers: thread::available_parallelism().map_or(1, usize::from),
        scratch: scratch.path().to_owned(),
        components: Vec::new(),
    };
    let mut output = Vec::new();
    runtime.block_on(pipe::run(options, Cursor::new(input), &mut output)).expect("the pipe runs");
    assert!(black_box(output).len() > 1_000);
}
