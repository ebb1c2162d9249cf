use dag_codec::Format;
use proptest::prelude::*;

use crate::{Row, batch, decode, encoded, every_type};

prop_compose! {
    fn rows()(rows in prop::collection::vec(row(), 0..30)) -> Vec<Row> { rows }
}

prop_compose! {
    fn row()(
        time: i64,
        ok: Option<bool>,
        count: Option<i64>,
        value in prop::option::of(prop::num::f64::ANY),
        host in prop::option::of("[a-b,\"\r\n é\u{1f600}\u{0}-\u{20}]{0,6}"),
        raw: Option<Vec<u8>>,
        seen: Option<i64>,
    ) -> Row {
        // Any NaN is the same NaN, as far as text goes.
        let value = value.map(|value| if value.is_nan() { f64::NAN } else { value });
        Row { time, ok, count, value, host, raw, seen }
    }
}

proptest! {
    #[test]
    fn csv_and_arrow_give_back_every_value(rows in rows(), cut in 0_usize..30) {
        let whole = batch(&rows);
        let cut = cut.min(rows.len());
        let slices = [whole.slice(0, cut), whole.slice(cut, rows.len() - cut)];
        for format in [Format::Csv, Format::Arrow] {
            let decoded = decode(format, &every_type(), encoded(format, &every_type(), &slices)).unwrap();
            prop_assert_eq!(&decoded.refused, &[]);
            prop_assert_eq!(&decoded.batch, &whole);
            prop_assert_eq!(decoded.records, rows.len() as u64);
        }
    }

    #[test]
    fn json_gives_back_every_value_but_what_it_cannot_tell(mut rows in rows()) {
        let text = encoded(Format::Json, &every_type(), &[batch(&rows)]);
        rows.iter_mut().for_each(|row| row.value = row.value.filter(|value| value.is_finite()));
        let decoded = decode(Format::Json, &every_type(), text).unwrap();
        prop_assert_eq!(&decoded.refused, &[]);
        prop_assert_eq!(&decoded.batch, &batch(&rows));
        prop_assert_eq!(decoded.rows, (1..=rows.len() as u64).collect::<Vec<_>>());
    }
}
