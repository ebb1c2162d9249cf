use dag_codec::{Decoded, Decoder, Format, Splitter, TimeColumn};
use dag_model::{Schema, times};
use proptest::prelude::*;

use crate::{decode, every_type};

/// What the chunks of a text decode to.
fn split(format: Format, schema: &Schema, text: &[u8], push: usize, max: u64) -> Vec<Decoded> {
    let mut splitter = if format == Format::Csv { Splitter::csv() } else { Splitter::ndjson() };
    let time = TimeColumn::default();
    let decoder = Decoder::new(schema, &time);
    let mut decoded = Vec::new();
    let mut take = |splitter: &mut Splitter| {
        let chunk = splitter.next_chunk(max).unwrap();
        let chunk_decoded = decoder.decode(format, &chunk.bytes, chunk.first_line).unwrap();
        assert_eq!(chunk_decoded.records, chunk.records);
        decoded.push(chunk_decoded);
    };
    for piece in text.chunks(push) {
        splitter.push(piece);
        while splitter.ready() >= max {
            take(&mut splitter);
        }
    }
    splitter.finish();
    while splitter.ready() > 0 {
        take(&mut splitter);
    }
    decoded
}

proptest! {
    #[test]
    fn chunks_decode_to_what_the_whole_decodes_to(
        lines in prop::collection::vec(
            prop_oneof![
                "[0-9]{1,3},(a|\"b\n,\"\"\"|\"\n\n\"),[0-9]",
                "[0-9]{1,3},\"?[ab\n]{0,3},[0-9x]",
                "[ \r]?",
            ],
            0..20,
        ),
        push in 1_usize..50,
        max in 1_u64..6,
    ) {
        let text = format!("time,\"host\",value\n{}", lines.join("\n"));
        let whole = decode(Format::Csv, &every_type(), &text).unwrap();
        let parts = split(Format::Csv, &every_type(), text.as_bytes(), push, max);
        let rows: Vec<u64> = parts.iter().flat_map(|part| part.rows.clone()).collect();
        let refused: Vec<_> = parts.iter().flat_map(|part| part.refused.clone()).collect();
        let record_times: Vec<i64> = parts.iter().flat_map(|part| times(&part.batch).to_vec()).collect();
        prop_assert_eq!(rows, whole.rows);
        prop_assert_eq!(refused, whole.refused);
        prop_assert_eq!(record_times, times(&whole.batch).to_vec());
    }
}

#[test]
fn ndjson_chunks_keep_their_lines() {
    let text = "\n{\"time\":1}\n\n{\"time\":2}\nx\n{\"time\":4}";
    let parts = split(Format::Json, &every_type(), text.as_bytes(), 3, 1);
    let lines: Vec<Vec<u64>> = parts.iter().map(|part| part.rows.clone()).collect();
    assert_eq!(lines, [vec![2], vec![4], vec![], vec![6]]);
    assert_eq!(parts[2].refused[0].line, 5);
}
