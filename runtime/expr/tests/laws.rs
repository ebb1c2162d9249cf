//! Laws of the canonical form and of evaluation, for any expression.

mod catalog;

use catalog::{Standard, standard};
use dag_expr::{Scalar, bind, names};
use dag_frame::{Column, ColumnRef, Type};
use proptest::prelude::*;
use proptest::sample::select;

/// Columns that scalar expressions speak of: two of each type.
fn columns() -> Vec<(String, Type)> {
    let columns = [
        ("time", Type::Timestamp),
        ("value", Type::Float64),
        ("load", Type::Float64),
        ("n", Type::Int64),
        ("m", Type::Int64),
        ("host", Type::Utf8),
        ("zone-name", Type::Utf8),
        ("ok", Type::Boolean),
        ("end", Type::Boolean),
    ];
    columns.map(|(name, ty)| (name.to_owned(), ty)).into()
}

/// A number in the grammar, with more parentheses and spaces than it needs.
fn number() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        select(vec!["value", "load", "n", "m", "null"]).prop_map(str::to_owned),
        any::<u32>().prop_map(|number| number.to_string()),
        (-1e6..1e6).prop_map(|number: f64| format!("{number:?}")),
        select(vec!["0", "0.0", "1.50", "2e3", "9223372036854775807", "1e300"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = select(vec![" + ", "-", " - ", "*", "/", " % "]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("- {a}")),
            inner.clone().prop_map(|a| format!("(-{a})")),
            (select(vec!["abs", "ROUND", "floor", "ceil"]), inner.clone()).prop_map(|(f, a)| format!("{f}( {a} )")),
            (select(vec!["least", "coalesce", "greatest"]), inner.clone(), inner.clone())
                .prop_map(|(f, a, b)| format!("{f}({a},{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("case when {a} > {b} then {a} else {b} end")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("case {a} when {b} then {b} END")),
            (inner.clone(), select(vec!["int64", "Float64"])).prop_map(|(a, ty)| format!("cast({a} as {ty})")),
        ]
    })
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just("host".to_owned()),
        Just("\"zone-name\"".to_owned()),
        "[a-z%_' ]{0,5}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        Just("lower(substr(host, 2, n))".to_owned()),
        Just("concat(host, '-', \"zone-name\")".to_owned()),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let comparison = || select(vec!["=", " == ", "!=", " <> ", "<", " <= ", ">", " >= "]);
    let leaf = prop_oneof![
        select(vec!["ok", "end", "true", "FALSE", "null"]).prop_map(str::to_owned),
        (number(), comparison(), number()).prop_map(|(a, op, b)| format!("({a}){op}({b})")),
        (text(), comparison(), text()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
        (text(), select(vec![" like ", " NOT LIKE "]), text()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
        (number(), number(), number()).prop_map(|(a, b, c)| format!("({a}) between ({b}) and ({c})")),
        (text(), prop::collection::vec(text(), 1..4)).prop_map(|(a, list)| format!("{a} not in ({})", list.join(", "))),
        number().prop_map(|a| format!("({a}) is not null")),
        comparison().prop_map(|op| format!("time {op} '2014-02-14 15:00+01:00'")),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let word = select(vec![" and ", " OR ", " or "]);
        prop_oneof![
            (inner.clone(), word, inner.clone()).prop_map(|(a, word, b)| format!("{a}{word}{b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("(not {a})")),
            inner.clone().prop_map(|a| format!("(({a}) = ok)")),
        ]
    })
    .boxed()
}

/// A stream of the catalog: a spelling, and another of the same.
fn stream() -> BoxedStrategy<[String; 2]> {
    let same = |text: &str| [text.to_owned(), text.to_owned()];
    let leaf = prop_oneof![
        select(vec!["cpu", "cpu_util", "prod.cpu", "\"cpu-util\"", "\"5d\""]).prop_map(same),
        Just(["late(cpu)".to_owned(), " late ( \"cpu\" )".to_owned()]),
        Just(["cpu_util{host=5d}".to_owned(), "filter( cpu_util , (host == '5d') )".to_owned()]),
    ];
    let duration = || {
        select(vec![["5m", "300 sec"], ["1h", "60 minutes"], ["1h30m", "5400s"], ["1s500ms", "1.5s"], ["7d", "1 week"]])
    };
    let both = |f: fn(&str, &str) -> String| move |(a, d): ([String; 2], [&str; 2])| [f(&a[0], d[0]), f(&a[1], d[1])];
    leaf.prop_recursive(4, 12, 2, move |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (inner.clone(), duration()).prop_map(both(|a, d| format!("avg({a},{d},by=host)"))),
            (inner.clone(), duration()).prop_map(|(a, d)| {
                [
                    format!("max({},{},by=(host))", a[0], d[0]),
                    format!("max( {} ,by = host, window={}, of=value)", a[1], d[1]),
                ]
            }),
            (inner.clone(), duration()).prop_map(both(|a, d| format!("sum({a}, session={d}, by=host)"))),
            (inner.clone(), duration()).prop_map(|(a, d)| {
                [
                    format!("avg({},30d,every={},by=host)", a[0], d[0]),
                    format!("avg({}, every={}, 720h, by=host)", a[1], d[1]),
                ]
            }),
            inner.clone().prop_map(|a| {
                [
                    format!("filter({},value>90 and host like 'web%')", a[0]),
                    format!("filter({}, where=((value > 9e1)) AND (host LIKE 'web%'))", a[1]),
                ]
            }),
            inner.clone().prop_map(|a| {
                [
                    format!("map({},*,value*8 as \"b b\")", a[0]),
                    format!("map( {} , * , (value * 8.0) as \"b b\" )", a[1]),
                ]
            }),
            inner.clone().prop_map(|a| {
                [
                    format!("errors(filter({},value>90))", a[0]),
                    format!("( errors ( filter({}, (value > 90.0)) ) )", a[1]),
                ]
            }),
            pair.clone()
                .prop_map(|(a, b)| [format!("union({},{})", a[0], b[0]), format!("union( {} , {} )", a[1], b[1])]),
            (pair, duration()).prop_map(|((a, b), d)| {
                [
                    format!("join({} as l,{} as r,on=(l.host=r.host),within={})", a[0], b[0], d[0]),
                    format!("join({} as l, within={}, {} as \"r\", on=l.host == r.host)", a[1], d[1], b[1]),
                ]
            }),
        ]
    })
    .boxed()
}

fn check_stream(text: &str, catalog: &Standard) -> String {
    let stream = bind(text, catalog).unwrap_or_else(|error| panic!("{}", error.render(text)));
    let canonical = stream.to_string();
    let again = bind(&canonical, catalog).unwrap_or_else(|error| panic!("{}", error.render(&canonical)));
    assert_eq!(again, stream, "{canonical}");
    assert_eq!(again.to_string(), canonical);
    canonical
}

/// Any values for `columns()`; divisors are often zero.
fn batch() -> impl Strategy<Value = Vec<Column>> {
    let row = (
        (any::<i64>(), prop::option::of(-1e3..1e3), prop::option::of(-2.0..2.0)),
        (prop::option::of(-2i64..2), prop::option::of(any::<i64>())),
        (prop::option::of("[a-bż%]{0,3}"), prop::option::of("[a-b]{0,2}")),
        (prop::option::of(any::<bool>()), prop::option::of(any::<bool>())),
    );
    prop::collection::vec(row, 0..20).prop_map(|rows| {
        vec![
            Column::timestamp(rows.iter().map(|row| Some(row.0.0))),
            Column::float64(rows.iter().map(|row| row.0.1)),
            Column::float64(rows.iter().map(|row| row.0.2)),
            Column::int64(rows.iter().map(|row| row.1.0)),
            Column::int64(rows.iter().map(|row| row.1.1)),
            Column::utf8(rows.iter().map(|row| row.2.0.as_deref())),
            Column::utf8(rows.iter().map(|row| row.2.1.as_deref())),
            Column::boolean(rows.iter().map(|row| row.3.0)),
            Column::boolean(rows.iter().map(|row| row.3.1)),
        ]
    })
}

/// The values as text, so that NaNs are equal.
fn shown(column: &Column) -> Vec<String> {
    column.view().iter().map(|value| format!("{value:?}")).collect()
}

fn eval(scalar: &Scalar, columns: &[Column], failures: &mut u64) -> Column {
    let views: Vec<ColumnRef> = columns.iter().map(Column::view).collect();
    scalar.eval_counting(columns[0].len, &views, failures)
}

proptest! {
    #[test]
    fn a_canonical_scalar_binds_to_itself(text in prop_oneof![condition(), number()]) {
        let Ok(scalar) = Scalar::bind(&text, &columns()) else {
            // Only what has no type of its own, or is too deep, is refused.
            let error = Scalar::bind(&text, &columns()).unwrap_err();
            prop_assert!(error.message.contains("null has no type") || error.message.contains("deep"), "{}", error.render(&text));
            return Ok(());
        };
        let canonical = scalar.to_string();
        let again = Scalar::bind(&canonical, &columns()).unwrap_or_else(|error| panic!("{}", error.render(&canonical)));
        prop_assert_eq!(&again, &scalar, "{}", canonical);
        prop_assert_eq!(again.to_string(), canonical);
    }

    #[test]
    fn a_batch_and_its_records_one_by_one_give_the_same(text in prop_oneof![condition(), number()], batch in batch()) {
        let Ok(scalar) = Scalar::bind(&text, &columns()) else { return Ok(()) };
        let mut failures = 0;
        let whole = eval(&scalar, &batch, &mut failures);
        prop_assert_eq!(whole.ty(), scalar.ty());
        prop_assert_eq!(whole.len, batch[0].len);
        let mut single = Column::empty(scalar.ty());
        for row in 0..batch[0].len as u32 {
            let record: Vec<Column> = batch.iter().map(|column| column.view().take(&[row])).collect();
            single.append(&eval(&scalar, &record, &mut 0).view());
        }
        prop_assert_eq!(shown(&whole), shown(&single));
    }

    #[test]
    fn a_canonical_stream_binds_to_itself_and_two_spellings_are_one([one, other] in stream()) {
        let catalog = standard();
        prop_assert_eq!(check_stream(&one, &catalog), check_stream(&other, &catalog));
        prop_assert_eq!(names(&one, &catalog).unwrap(), names(&other, &catalog).unwrap());
    }

    #[test]
    fn any_condition_is_a_filter_by_position_and_by_name(condition in condition()) {
        let schema = dag_frame::Schema::new(
            columns().into_iter().skip(1).map(|(name, ty)| dag_frame::Field::new(name, ty)).collect());
        let mut catalog = standard();
        catalog.sources.insert("s".to_owned(), schema);
        let Ok(stream) = bind(&format!("filter(s, ({condition}))"), &catalog) else { return Ok(()) };
        let canonical = stream.to_string();
        let value = canonical.strip_prefix("filter(s,").unwrap().strip_suffix(')').unwrap();
        prop_assert_eq!(&bind(&canonical, &catalog).unwrap(), &stream);
        prop_assert_eq!(&bind(&format!("filter(s, where={value})"), &catalog).unwrap(), &stream);
    }

    #[test]
    fn any_text_is_bound_or_refused_with_a_picture(text in "[a-z0-9_.,(){}=<>'\"%*/+ -]{0,40}") {
        if let Err(error) = bind(&text, &standard()) {
            prop_assert!(error.render(&text).contains('^'));
        }
    }

    #[test]
    fn any_mix_of_words_is_bound_or_refused(words in prop::collection::vec(select(vec![
        "avg", "filter", "cpu", "(", ")", ",", "=", "5m", "and", "not", "case", "when", "then", "end", "like", "'a'",
        "in", "between", "1", "-", "*", "as", "by", "null", "{host=a}", "is", "late", "value", "host",
    ]), 0..30)) {
        let text = words.join(" ");
        if let Err(error) = bind(&text, &standard()) {
            prop_assert!(error.render(&text).contains('^'));
        }
        let _ = Scalar::bind(&text, &columns()).map_err(|error| error.render(&text));
    }
}
