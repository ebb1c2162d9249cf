use dag_codec::{Format, Splitter, TimeColumn, infer};
use proptest::prelude::*;

use crate::{Row, batch, decode, encoded, every_type};

/// A body of each format.
fn bodies() -> Vec<(Format, Vec<u8>)> {
    let row = |time| Row {
        time,
        ok: Some(true),
        count: None,
        value: Some(0.5),
        host: Some("é,\"".into()),
        raw: Some(vec![1, 2, 3]),
        seen: Some(5),
    };
    let batches = [batch(&[row(1), row(2), row(3)])];
    Format::ALL.into_iter().map(|format| (format, encoded(format, &every_type(), &batches))).collect()
}

fn read(format: Format, body: &[u8]) {
    if let Ok(decoded) = decode(format, &every_type(), body) {
        assert_eq!(decoded.rows.len(), decoded.batch.num_rows());
        assert!(decoded.records >= decoded.rows.len() as u64);
        encoded(format, &every_type(), &[decoded.batch]);
    }
    let _ = infer(format, body, &TimeColumn::default());
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body: Vec<u8>) {
        Format::ALL.into_iter().for_each(|format| read(format, &body));
        for mut splitter in [Splitter::ndjson(), Splitter::csv()] {
            body.chunks(3).for_each(|piece| splitter.push(piece));
            splitter.finish();
            while splitter.next_chunk(2).is_some() {}
        }
    }

    #[test]
    fn a_damaged_body_makes_no_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length: prop::sample::Index,
    ) {
        for (format, mut body) in bodies() {
            for (place, byte) in &damage {
                let place = place.index(body.len());
                body[place] = *byte;
            }
            read(format, &body);
            body.truncate(length.index(body.len()));
            read(format, &body);
        }
    }
}

#[test]
fn no_single_damaged_byte_makes_the_arrow_reader_panic() {
    let (format, body) = bodies().pop().unwrap();
    for place in 0..body.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = body.clone();
            damaged[place] = byte;
            read(format, &damaged);
        }
    }
}
