//! The test vectors in `wit/vectors`, which every SDK must read and write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dag_frame::{AlignedBytes, Column, Frame, Type, encode};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/vectors")
}

/// The names that the index lists of that kind, whose files all have to be there and be all that are.
fn names(kind: &str, folder: &Path) -> Vec<String> {
    let index = fs::read_to_string(self::folder().join("index.json")).unwrap();
    let names: BTreeMap<String, Vec<String>> = serde_json::from_str(&index).unwrap();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let hex = paths.filter(|path| path.extension().is_some_and(|extension| extension == "hex"));
    let mut found: Vec<_> = hex.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    found.sort();
    assert_eq!(names[kind], found, "index.json lists the files in {}", folder.display());
    found
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    assert!(digits.len().is_multiple_of(2));
    digits.as_bytes().chunks(2).map(byte).collect()
}

fn read_hex(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split('#').next().unwrap());
    unhex(&lines.flat_map(str::split_whitespace).collect::<String>())
}

fn column(json: &Json) -> Column {
    let values = json["values"].as_array().unwrap();
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let integer = |value: &Json| value.as_str().map(|text| text.parse().unwrap());
    match Type::from_name(json["type"].as_str().unwrap()).unwrap() {
        Type::Boolean => Column::boolean(values.iter().map(Json::as_bool)),
        Type::Int64 => Column::int64(values.iter().map(integer)),
        Type::Timestamp => Column::timestamp(values.iter().map(integer)),
        Type::Float64 => Column::float64(
            values
                .iter()
                .map(|value| value.as_str().map(|bits| f64::from_bits(u64::from_str_radix(bits, 16).unwrap()))),
        ),
        Type::Utf8 => Column::utf8(values.iter().map(text)),
        Type::Binary => Column::binary(values.iter().map(|value| value.as_str().map(unhex))),
    }
}

/// What a JSON file says that a batch holds.
fn batch(path: &Path) -> (usize, Vec<Column>) {
    let batch: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let columns = batch["columns"].as_array().unwrap().iter().map(column).collect();
    (batch["rows"].as_u64().unwrap() as usize, columns)
}

/// Reads a frame and compares it with what it has to hold.
fn check_read(bytes: &[u8], rows: usize, columns: &[Column], name: &str) {
    let bytes = AlignedBytes::copy(bytes);
    let frame = Frame::parse(&bytes).unwrap_or_else(|error| panic!("reading {name}: {error}"));
    assert_eq!(frame.rows(), rows, "{name}");
    assert_eq!(frame.columns().len(), columns.len(), "{name}");
    for (read, expected) in frame.columns().iter().zip(columns) {
        let expected = expected.view();
        assert_eq!(read.ty(), expected.ty(), "{name}");
        let debug = |value| format!("{value:?}");
        assert!(read.iter().map(debug).eq(expected.iter().map(debug)), "reading {name}");
    }
}

#[test]
fn every_vector_is_written_and_read_back() {
    for name in names("written", &folder()) {
        let path = folder().join(&name);
        let (rows, columns) = batch(&path.with_extension("json"));
        let expected = read_hex(&path.with_extension("hex"));
        let views: Vec<_> = columns.iter().map(Column::view).collect();
        assert_eq!(encode(rows, &views), expected, "writing {name}");
        check_read(&expected, rows, &columns, &name);
    }
}

#[test]
fn frames_that_no_writer_writes_so_are_read() {
    let folder = folder().join("read");
    for name in names("read", &folder) {
        let path = folder.join(&name);
        let (rows, columns) = batch(&path.with_extension("json"));
        check_read(&read_hex(&path.with_extension("hex")), rows, &columns, &name);
        let views: Vec<_> = columns.iter().map(Column::view).collect();
        assert_ne!(encode(rows, &views), read_hex(&path.with_extension("hex")), "{name} is what a writer writes");
    }
}

#[test]
fn every_damaged_vector_is_refused() {
    let folder = folder().join("refused");
    for name in names("refused", &folder) {
        let bytes = read_hex(&folder.join(&name).with_extension("hex"));
        assert!(Frame::parse(&AlignedBytes::copy(&bytes)).is_err(), "{name}");
    }
}
