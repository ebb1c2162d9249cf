//! The test vectors in `wit/vectors`, which every SDK must read and write.

use std::fs;
use std::path::{Path, PathBuf};

use dag_frame::{AlignedBytes, Column, Frame, Type, encode};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/vectors")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    files
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

#[test]
fn every_vector_is_written_and_read_back() {
    for path in files(&folder(), "json") {
        let batch: Json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let columns: Vec<Column> = batch["columns"].as_array().unwrap().iter().map(column).collect();
        let rows = batch["rows"].as_u64().unwrap() as usize;
        let expected = read_hex(&path.with_extension("hex"));
        let views: Vec<_> = columns.iter().map(Column::view).collect();
        assert_eq!(encode(rows, &views), expected, "writing {}", path.display());

        let bytes = AlignedBytes::copy(&expected);
        let frame = Frame::parse(&bytes).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
        assert_eq!(frame.rows(), rows);
        assert_eq!(frame.columns().len(), columns.len());
        for (read, written) in frame.columns().iter().zip(&views) {
            assert_eq!(read.ty(), written.ty(), "{}", path.display());
            let debug = |value| format!("{value:?}");
            assert!(read.iter().map(debug).eq(written.iter().map(debug)), "reading {}", path.display());
        }
    }
}

#[test]
fn every_damaged_vector_is_refused() {
    for path in files(&folder().join("refused"), "hex") {
        assert!(Frame::parse(&AlignedBytes::copy(&read_hex(&path))).is_err(), "{}", path.display());
    }
}
