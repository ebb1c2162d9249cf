//! Laws of the frame, for any batch and any bytes.

use dag_frame::{AlignedBytes, Column, Frame, FrameError, Type, Value, encode, encode_into};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn column(rows: usize) -> BoxedStrategy<Column> {
    prop_oneof![
        vec(option::of(any::<bool>()), rows).prop_map(Column::boolean),
        vec(option::of(any::<i64>()), rows).prop_map(Column::int64),
        vec(option::of(-1e300..1e300), rows).prop_map(Column::float64),
        vec(option::of(any::<i64>()), rows).prop_map(Column::timestamp),
        vec(option::of("\\PC{0,6}"), rows).prop_map(Column::utf8),
        vec(option::of(vec(any::<u8>(), 0..6)), rows).prop_map(Column::binary),
    ]
    .boxed()
}

fn batch() -> impl Strategy<Value = (usize, Vec<Column>)> {
    (0usize..40).prop_flat_map(|rows| (Just(rows), vec(column(rows), 1..5)))
}

fn frame((rows, columns): &(usize, Vec<Column>)) -> Vec<u8> {
    encode(*rows, &columns.iter().map(Column::view).collect::<Vec<_>>())
}

/// Touches every value, as a guest would.
fn walk(frame: &Frame) -> usize {
    frame.columns().iter().map(|column| column.iter().filter(|value| *value != Value::Null).count()).sum()
}

proptest! {
    #[test]
    fn a_batch_comes_back_from_its_frame(batch in batch()) {
        let bytes = AlignedBytes::copy(&frame(&batch));
        prop_assert_eq!(bytes.len() % 8, 0);
        let read = Frame::parse(&bytes).unwrap();
        prop_assert_eq!(read.rows(), batch.0);
        let columns: Vec<Column> = read.columns().iter().map(|column| column.to_column()).collect();
        prop_assert_eq!(columns, batch.1);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Frame::parse(&AlignedBytes::copy(&bytes)).map(|frame| walk(&frame));
    }

    #[test]
    fn a_damaged_frame_is_read_or_refused(
        batch in batch(),
        damage in vec((any::<prop::sample::Index>(), prop_oneof![0u32..256, any::<u32>()]), 1..4),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = frame(&batch);
        for (place, word) in damage {
            let at = place.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = Frame::parse(&AlignedBytes::copy(&bytes)).map(|frame| walk(&frame));
    }

    #[test]
    fn a_damaged_header_is_read_or_refused(batch in batch(), at in 0usize..200, byte in any::<u8>()) {
        let mut bytes = frame(&batch);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Frame::parse(&AlignedBytes::copy(&bytes)).map(|frame| walk(&frame));
    }
}

#[test]
fn a_frame_is_read_where_it_lies() {
    let column = Column::int64([Some(1), Some(2)]);
    let bytes = AlignedBytes::copy(&encode(2, &[column.view()]));
    let frame = Frame::parse(&bytes).unwrap();
    let values = frame.columns()[0].as_i64().unwrap();
    assert!(bytes.as_ptr_range().contains(&values.as_ptr().cast()));
    assert_eq!(values, [1, 2]);
}

#[test]
fn a_frame_at_an_odd_place_is_refused_as_unaligned() {
    let frame = encode(1, &[Column::int64([Some(1)]).view()]);
    let mut shifted = vec![0];
    shifted.extend_from_slice(&frame);
    let shifted = AlignedBytes::copy(&shifted);
    assert!(!AlignedBytes::is_aligned(&shifted[1..]));
    assert_eq!(Frame::parse(&shifted[1..]).unwrap_err(), FrameError::Unaligned);
}

#[test]
fn text_whose_offsets_begin_later_is_written_from_its_first_byte() {
    let whole = Column::utf8([Some("skipped"), Some("a"), Some("bc")]);
    let mut tail = whole.view();
    let dag_frame::Values::Utf8(values) = tail.values else { unreachable!() };
    tail.values = dag_frame::Values::Utf8(dag_frame::VarLen { offsets: &values.offsets[1..], bytes: values.bytes });
    tail.len = 2;
    assert_eq!(encode(2, &[tail]), encode(2, &[Column::utf8([Some("a"), Some("bc")]).view()]));
}

#[test]
fn bits_past_the_last_row_do_not_reach_the_frame() {
    let mut column = Column::boolean([Some(true); 8]);
    column.len = 3;
    assert_eq!(encode(3, &[column.view()]), encode(3, &[Column::boolean([Some(true); 3]).view()]));
}

#[test]
fn a_frame_is_appended_behind_what_is_there() {
    let column = Column::nulls(Type::Utf8, 3);
    let mut out = vec![9; 5];
    encode_into(&mut out, 3, &[column.view()]);
    assert_eq!(out[5..], encode(3, &[column.view()]));
}
