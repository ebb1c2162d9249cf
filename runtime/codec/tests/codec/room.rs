//! What bodies may come to in memory.

use std::cell::Cell;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use dag_codec::{BodyError, Decoded, Decoder, Format, Room, TimeColumn, most_decoded};
use dag_model::{Field, Schema, Type};

use crate::decode;

/// So many bytes, of which some are taken.
#[derive(Debug)]
struct Bounded {
    all: u64,
    taken: Cell<u64>,
}

impl Bounded {
    fn of(all: u64) -> Bounded {
        Bounded { all, taken: Cell::new(0) }
    }
}

impl Room for Bounded {
    fn take(&self, bytes: u64) -> bool {
        let taken = self.taken.get() + bytes;
        let fits = taken <= self.all;
        if fits {
            self.taken.set(taken);
        }
        fits
    }
}

fn wide() -> Schema {
    Schema::new((0..999).map(|index| Field::new(format!("c{index}"), Type::Int64)).collect())
}

/// Bodies of records that have a time and nothing else.
fn bodies(records: usize) -> Vec<(Format, Vec<u8>)> {
    let times = Arc::new(Int64Array::from(vec![1; records])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("time", times)]).unwrap();
    let mut arrow = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    vec![
        (Format::Json, "{\"ts\":1}\n".repeat(records).into_bytes()),
        (Format::Csv, format!("ts\n{}", "1\n".repeat(records)).into_bytes()),
        (Format::Arrow, arrow.into_inner().unwrap()),
    ]
}

fn decode_within(room: &dyn Room, format: Format, body: &[u8]) -> Result<Decoded, BodyError> {
    Decoder::new(&wide(), &TimeColumn::default()).within(room).decode(format, body, 1)
}

#[test]
fn short_lines_cannot_stand_for_more_than_a_body_of_their_length_may_come_to() {
    for (format, body) in bodies(6_000) {
        let error = decode(format, &wide(), &body).unwrap_err();
        let limit = most_decoded(body.len());
        assert!(matches!(error, BodyError::TooMuch { limit: found, columns: 1_000, .. } if found == limit), "{error}");
    }
    for (format, body) in bodies(3_000) {
        assert_eq!(decode(format, &wide(), &body).unwrap().batch.num_rows(), 3_000, "{format}");
    }
}

#[test]
fn the_memory_of_records_is_asked_for_before_it_is_taken() {
    for (format, body) in bodies(2_000) {
        let room = Bounded::of(u64::MAX);
        let decoded = decode_within(&room, format, &body).unwrap();
        let taken = room.taken.get();
        let memory = decoded.batch.get_array_memory_size() as u64;
        assert!(taken >= memory && taken <= most_decoded(body.len()), "{format}: {taken} asked for, {memory} used");
        let less = Bounded::of(taken - 1);
        assert_eq!(decode_within(&less, format, &body).unwrap_err(), BodyError::NoRoom, "{format}");
    }
}

#[test]
fn lines_that_are_no_records_take_no_memory() {
    let room = Bounded::of(1 << 20);
    let decoded = decode_within(&room, Format::Json, "x\n".repeat(200_000).as_bytes()).unwrap();
    assert_eq!(decoded.refused_count(), 200_000);
}
