//! Frames that guests return.

use std::fs;
use std::path::Path;

use arrow_array::{Array, ArrayRef};
use dag_frame::{AlignedBytes, Frame, Type};
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::frame::{decode, encode};
use proptest::prelude::*;

/// The interface's own test vectors, those that every reader refuses included.
fn seeds() -> Vec<Vec<u8>> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/vectors");
    let mut seeds = Vec::new();
    for folder in [vectors.clone(), vectors.join("read"), vectors.join("refused")] {
        for file in fs::read_dir(folder).expect("the vectors are there") {
            let path = file.expect("a folder can be listed").path();
            if path.extension().is_some_and(|extension| extension == "hex") {
                seeds.push(bytes(&fs::read_to_string(path).expect("a vector can be read")));
            }
        }
    }
    assert!(seeds.len() > 20);
    seeds
}

/// Hex digits with white space anywhere and `#` before a comment.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().bytes())
        .filter(u8::is_ascii_hexdigit)
        .collect();
    let value = |digit: u8| (digit as char).to_digit(16).expect("they were filtered") as u8;
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// What a host does with a frame: refuses it, or has arrays that hold what the frame says and come back from a frame of their own.
fn check(bytes: &[u8], types: &[Type]) {
    let Ok(arrays) = decode(bytes.to_vec(), types) else { return };
    assert_eq!(arrays.len(), types.len());
    let rows = arrays.first().map_or(0, |array| array.len());
    let again = encode(rows, arrays.iter().map(|array| array.as_ref() as &dyn Array));
    let back: Vec<ArrayRef> = decode(again, types).expect("the host reads what it writes");
    for (array, back) in arrays.iter().zip(&back) {
        // Formatted, because a NaN is not equal to itself.
        assert_eq!(format!("{array:?}"), format!("{back:?}"));
        array.to_data().validate_full().expect("arrays keep Arrow's promises");
    }
}

/// The types that the frame itself states, where it can be read.
fn types(bytes: &[u8]) -> Vec<Type> {
    let aligned = AlignedBytes::copy(bytes);
    Frame::parse(&aligned)
        .map(|frame| frame.into_columns().iter().map(|column| column.ty()).collect())
        .unwrap_or_default()
}

#[test]
fn no_frame_of_a_guest_gets_past_the_checks() {
    let seeds = seeds();
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let seed = &seeds[seed];
        let bytes = mutated(seed, &mutations);
        check(&bytes, &types(seed));
        check(&bytes, &types(&bytes));
    });
}

#[test]
fn no_bytes_are_a_frame_by_chance() {
    fuzz(any::<Vec<u8>>(), |bytes| {
        check(&bytes, &[Type::Timestamp, Type::Float64]);
        check(&bytes, &types(&bytes));
    });
}

/// A frame without nulls that says it has so many rows, with the same column again and again, whose buffers all lie in the same bytes.
fn repeated(ty: Type, columns: u32, rows: u32, bytes: u32) -> Vec<u8> {
    let first = 16 + 32 * columns;
    let values = match ty {
        Type::Boolean => rows.div_ceil(8),
        Type::Utf8 | Type::Binary => rows.saturating_add(1).saturating_mul(4),
        _ => rows.saturating_mul(8),
    };
    let text = if matches!(ty, Type::Utf8 | Type::Binary) { [first, 0] } else { [0, 0] };
    let descriptor = [ty as u32, 0, 0, first, values, text[0], text[1], 0];
    let length = (first + bytes).next_multiple_of(8);
    let numbers = [1, columns, rows, length].into_iter().chain((0..columns).flat_map(|_| descriptor));
    let mut frame: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    frame.resize(length as usize, 0);
    frame
}

#[test]
fn a_frame_that_says_more_than_it_has_is_refused_before_anything_is_made_of_it() {
    let rows = prop_oneof![0..100_000_u32, (i32::MAX as u32 - 9)..=u32::MAX];
    let bytes = prop_oneof![Just(0_u32), 0..100_000_u32, Just(1 << 20)];
    let columns = 0..64_u32;
    fuzz((0..Type::ALL.len(), columns, rows, bytes), |(ty, columns, rows, bytes)| {
        let ty = Type::ALL[ty];
        let frame = repeated(ty, columns, rows, bytes);
        // What is refused is not made again; what is taken has so many columns of the same bytes.
        if u64::from(columns) * u64::from(rows) < 1 << 18 {
            check(&frame, &vec![ty; columns as usize]);
        } else {
            drop(decode(frame, &vec![ty; columns as usize]));
        }
    });
}

#[test]
fn the_frames_that_are_repeated_are_frames() {
    for ty in Type::ALL {
        assert_eq!(decode(repeated(ty, 3, 5, 64), &[ty; 3]).expect("it is one").len(), 3, "{ty:?}");
    }
}
