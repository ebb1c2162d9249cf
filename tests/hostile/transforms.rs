//! Transforms that pass records on as they are, until one has the value 13: then each misbehaves in its way. Below the SDK's own
//! traits, which keep their users from most of this.

use std::cell::Cell;
use std::hint::black_box;

use dag_guest::wasm::aggregate::dag::operator::{host, types};
use dag_guest::wasm::transform::exports::dag::operator::transforming::{Guest, Opening, Order, Output};
use dag_guest::{AlignedBytes, Column, Frame, encode};

/// What its operators are called.
const WAYS: &[&str] = &[
    "traps",
    "panics",
    "refuses",
    "loops",
    "loops_in_advance",
    "hoards",
    "recurses",
    "returns_too_much",
    "chatters",
    "garbage",
    "bad_version",
    "bad_length",
    "bad_offset",
    "bad_text",
    "bad_time",
    "other_type",
    "other_columns",
    "disorders",
    "goes_back",
    "hold_goes_back",
    "more_for_ever",
    "swells",
    "opens_never",
    "opens_refused",
    "opens_twice_a_column",
    "snapshots_never",
    "snapshots_too_much",
];

thread_local! {
    static WAY: Cell<&'static str> = const { Cell::new("") };
    /// Whether the 13 has come.
    static STRUCK: Cell<bool> = const { Cell::new(false) };
    /// Whether the hold goes back next time.
    static BACK: Cell<bool> = const { Cell::new(false) };
}

struct Component;

dag_guest::wasm::transform::export_transform!(Component with_types_in dag_guest::wasm::transform);

impl Guest for Component {
    fn describe() -> types::Description {
        description("hostile-transforms", WAYS.iter().map(|way| signature(way, 2)))
    }

    fn open(operator: String, _: Vec<types::Argument>, inputs: Vec<types::Input>) -> Result<Opening, String> {
        let way = WAYS.iter().find(|way| **way == operator).expect("it was described");
        WAY.set(way);
        std::panic::set_hook(Box::new(|panic| host::log(host::Level::Error, &panic.to_string())));
        let mut schema = inputs[0].schema.clone();
        match *way {
            "opens_never" => loops(),
            "opens_refused" => return Err("not on a Friday".to_owned()),
            "opens_twice_a_column" => schema.push(schema[0].clone()),
            "bad_text" => schema = vec![types::Field { name: "text".to_owned(), ty: types::ColumnType::Utf8 }],
            _ => {}
        }
        let ordered = ["disorders", "goes_back", "hold_goes_back", "loops_in_advance", "more_for_ever"].contains(way);
        let order = if ordered || inputs.len() > 1 { Order::Time } else { Order::Log };
        Ok(Opening { schema, order, lookback: types::Lookback::None })
    }

    fn process(mut frames: Vec<Vec<u8>>, order: Vec<u8>) -> Result<Output, String> {
        if frames.len() > 1 {
            frames = vec![merged(&frames, &order)];
        }
        let frame = AlignedBytes::copy(&frames[0]);
        let columns = Frame::parse(&frame).expect("the host writes frames").into_columns();
        let times = columns[0].as_timestamp().expect("time comes first");
        let values = columns[1].as_f64().expect("the tests' streams have float64 values");
        if WAY.get() == "hold_goes_back" && STRUCK.get() {
            return Ok(output(at(&[])));
        }
        if !values.contains(&13.0) {
            let texts = || Column::utf8(times.iter().map(|_| Some("fine")));
            return Ok(output(if WAY.get() == "bad_text" { with_times(times, texts()) } else { frames[0].clone() }));
        }
        STRUCK.set(true);
        let mut frame = frames[0].clone();
        match WAY.get() {
            "traps" => core::arch::wasm32::unreachable(),
            "panics" => panic!("thirteen guests at the table"),
            "refuses" => return Err("thirteen is one too many".to_owned()),
            "loops" => loops(),
            "hoards" => hoards(),
            "recurses" => frame.push(recurses(1) as u8),
            "returns_too_much" => frame = vec![0; 2 << 20],
            "chatters" => loop {
                host::log(host::Level::Info, "and another thing");
            },
            "garbage" => frame = b"this is no frame".to_vec(),
            "bad_version" => put(&mut frame, 0, 2),
            "bad_length" => put(&mut frame, 12, 8),
            // The values of the first column, time.
            "bad_offset" => put(&mut frame, 16 + 12, 1 << 30),
            "bad_text" => {
                frame = with_times(times, Column::utf8(times.iter().map(|_| Some("fine"))));
                let bytes = u32::from_le_bytes(frame[16 + 32 + 20..][..4].try_into().expect("four bytes"));
                frame[bytes as usize] = 0xff;
            }
            "bad_time" => {
                let nulls = Column::timestamp(times.iter().map(|_| None));
                frame = encode(times.len(), &[nulls.view(), columns[1]]);
            }
            "other_type" => frame = encode(times.len(), &[columns[0], columns[0]]),
            "other_columns" => frame = encode(times.len(), &[columns[0], columns[1], columns[1]]),
            "disorders" => frame = at(&[times[0] + 1, times[0]]),
            "goes_back" => {
                let back = times.iter().zip(values).map(|(time, value)| if *value == 13.0 { 0 } else { *time });
                frame = with_times(&back.collect::<Vec<_>>(), Column::float64(values.iter().copied().map(Some)));
            }
            "hold_goes_back" => {
                let before = values.iter().take_while(|value| **value < 13.0).count();
                frame = with_times(&times[..before], Column::float64(values[..before].iter().copied().map(Some)));
            }
            "swells" => return Ok(swollen()),
            _ => {}
        }
        Ok(output(frame))
    }

    fn advance(frontier: Option<i64>) -> Result<Output, String> {
        let mut output = output(at(&[]));
        match WAY.get() {
            "bad_text" => output.frame = with_times(&[], Column::utf8(std::iter::empty::<Option<&str>>())),
            "loops_in_advance" if STRUCK.get() => loops(),
            "more_for_ever" if STRUCK.get() => output.more = true,
            "swells" if STRUCK.get() => output = swollen(),
            // After the 13 every second time; before, and in between, one nanosecond behind, to have a hold to go back from.
            "hold_goes_back" => {
                let back = STRUCK.get() && BACK.replace(!BACK.get());
                output.hold = if back { Some(0) } else { frontier.map(|frontier| frontier - 1) };
            }
            _ => {}
        }
        Ok(output)
    }

    fn snapshot() -> Result<Vec<Vec<u8>>, String> {
        match WAY.get() {
            "snapshots_never" => loops(),
            "snapshots_too_much" => Ok(vec![vec![0; 2 << 20]]),
            _ => Ok(Vec::new()),
        }
    }

    fn restore(_: u32, _: Vec<Vec<u8>>) -> Result<(), String> {
        Ok(())
    }
}

fn output(frame: Vec<u8>) -> Output {
    Output { frame, hold: None, more: false }
}

/// A mebibyte, and more to come.
fn swollen() -> Output {
    Output { more: true, ..output(at(&[i64::MAX / 2; 65_536])) }
}

/// A frame of the input's schema with records at these times.
fn at(times: &[i64]) -> Vec<u8> {
    with_times(times, Column::float64(times.iter().map(|_| Some(0.0))))
}

fn with_times(times: &[i64], column: Column) -> Vec<u8> {
    let times = Column::timestamp(times.iter().map(|time| Some(*time)));
    encode(times.len, &[times.view(), column.view()])
}

/// A frame of the records of several inputs, in the order of their merge.
fn merged(frames: &[Vec<u8>], order: &[u8]) -> Vec<u8> {
    let records = |frame: &Vec<u8>| {
        let frame = AlignedBytes::copy(frame);
        let columns = Frame::parse(&frame).expect("the host writes frames").into_columns();
        let times = columns[0].as_timestamp().expect("time comes first");
        let values = columns[1].as_f64().expect("the tests' streams have float64 values");
        times.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>().into_iter()
    };
    let mut inputs: Vec<_> = frames.iter().map(records).collect();
    let next = order.iter().map(|input| inputs[usize::from(*input)].next().expect("there are as many as the order says"));
    let (times, values): (Vec<i64>, Vec<f64>) = next.unzip();
    with_times(&times, Column::float64(values.into_iter().map(Some)))
}

fn put(frame: &mut [u8], at: usize, value: u32) {
    frame[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[expect(unconditional_recursion, reason = "that is its way")]
fn recurses(depth: u64) -> u64 {
    let deeper = black_box(depth + 1);
    black_box(recurses(deeper)) + depth
}
