//! Expressions.

use std::sync::{Arc, LazyLock};

use dag_expr::{Application, Catalog, Kind, Signature, bind, names};
use dag_fuzz::bomb::{Pattern, bombs};
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::{Field, Schema, Type};
use dag_wasm::{Runtime, RuntimeOptions};
use proptest::prelude::*;
use proptest::sample::select;

static STANDARD: LazyLock<Standard> = LazyLock::new(Standard::load);

/// The standard operators, and two streams.
struct Standard {
    signatures: Vec<Arc<Signature>>,
}

impl Standard {
    fn load() -> Standard {
        let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
        let load =
            |embedded: &dag_operators::Embedded| runtime.load(embedded.bytes).expect("ours load").signatures().to_vec();
        Standard { signatures: dag_operators::COMPONENTS.iter().flat_map(load).map(Arc::new).collect() }
    }
}

impl Catalog for Standard {
    fn source(&self, name: &str) -> Option<Schema> {
        let field = Field::new;
        match name {
            "x" => Some(Schema::new(vec![field("value", Type::Float64), field("host", Type::Utf8)])),
            "my-stream" => Some(Schema::new(vec![field("n", Type::Int64), field("ok", Type::Boolean)])),
            _ => None,
        }
    }

    fn errors(&self, _: &str) -> Option<Schema> {
        Some(Schema::new(vec![Field::new("record", Type::Utf8)]))
    }

    fn operator(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        let is = |signature: &&Arc<Signature>| {
            signature.name == name && component.is_none_or(|component| component == signature.component)
        };
        self.signatures.iter().find(is).cloned()
    }

    fn sources(&self) -> Vec<String> {
        vec!["x".to_owned(), "my-stream".to_owned()]
    }

    fn operators(&self) -> Vec<String> {
        self.signatures.iter().map(|signature| signature.name.clone()).collect()
    }

    /// A value for aggregates, the first input's columns for others.
    fn output(&self, application: &Application) -> Result<Schema, String> {
        let mut fields = application.inputs[0].stream.schema().fields.clone();
        if application.kind == Kind::Aggregate {
            fields.retain(|field| application.by.contains(&field.name) && field.name != "value");
            fields.push(Field::new("value", Type::Float64));
        }
        Ok(Schema::new(fields))
    }
}

/// A piece of an expression.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(WORDS).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:?}")),
        1 => any::<String>().prop_map(|text| format!("'{text}'")),
    ]
}

const WORDS: &[&str] = &[
    "x",
    "\"my-stream\"",
    "late",
    "errors",
    "value",
    "host",
    "n",
    "ok",
    "time",
    "avg",
    "count",
    "sum",
    "filter",
    "map",
    "join",
    "union",
    "change",
    "above",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "and",
    "or",
    "not",
    "like",
    "in",
    "between",
    "is",
    "null",
    "true",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast",
    "as",
    "float64",
    "by=",
    "every=",
    "of=",
    "session=",
    "on=",
    "within=",
    "5min",
    "1h30m",
    "10s",
    "0s",
    "1month",
    "'web%'",
    "''",
    "'",
    "\"",
    "{",
    "}",
    "host=web1",
    ".",
    "::",
    "\u{e9}",
    "abs",
    "coalesce",
    "substr",
    " ",
    "\n",
    "\0",
];

/// Expressions of the documentation.
const GOOD: &[&str] = &[
    "avg(x, 5min, by=host)",
    "filter(x, value > 90 and host like 'web%')",
    "join(x as l, x as r, on=(l.host = r.host), within=1s)",
    "map(x, value * 2 as double, cast(value as int64) as whole, case when value > 1 then 'a' else 'b' end as c)",
    "x{host=web1}",
    "late(x)",
    "avg(avg(x, 5s), 30s, every=10s)",
    "count(union(x, x), session=30s)",
    "filter(\"my-stream\", n between 1 and -2 or not ok is null or n in (1, 2, 3))",
];

/// What is bound has one form, and that form is bound to itself; what is not has an error that can be shown.
fn check(text: &str, catalog: &Standard) {
    let _ = names(text, catalog);
    match bind(text, catalog) {
        Err(error) => assert!(!error.render(text).is_empty()),
        Ok(stream) => {
            let canonical = stream.to_string();
            let again =
                bind(&canonical, catalog).unwrap_or_else(|error| panic!("{text}: {}", error.render(&canonical)));
            assert_eq!(again.to_string(), canonical, "{text}");
            assert_eq!(again.schema(), stream.schema(), "{text}");
        }
    }
}

#[test]
fn a_canonical_form_of_any_words_is_its_own() {
    fuzz(prop::collection::vec(piece(), 0..24), |pieces| {
        check(&pieces.concat(), &STANDARD);
        check(&pieces.join(" "), &STANDARD);
        check(&format!("filter(x, {})", pieces.join(" ")), &STANDARD);
    });
}

#[test]
fn a_canonical_form_of_a_damaged_expression_is_its_own() {
    fuzz((select(GOOD), mutations()), |(good, mutations)| {
        check(&String::from_utf8_lossy(&mutated(good.as_bytes(), &mutations)), &STANDARD);
    });
}

/// What is nested, and what is long, of streams and of scalars.
const PATTERNS: &[Pattern] = &[
    ("avg(", "x", ", 1s)"),
    ("filter(", "x", ", true)"),
    ("union(x, ", "x", ")"),
    ("x as x, ", "x", ""),
    ("late(", "x", ")"),
    ("a.", "a", ""),
    ("errors", "", ""),
    ("x{host=", "web1", "}"),
    ("(", "value", ")"),
    ("-", "value", ""),
    ("not ", "ok", ""),
    ("value + ", "value", ""),
    ("(value, ", "value", ")"),
    ("value in (", "1", ")"),
    ("1, ", "1", ""),
    ("case when true then ", "1", " end"),
    ("coalesce(value, ", "1", ")"),
    ("cast(", "value", " as int64)"),
    ("'", "a", "'"),
    ("\"", "a", "\""),
    ("9", ".", "9"),
    ("1h", "", ""),
    ("value = value and ", "true", ""),
];

#[test]
fn what_is_nested_or_long_is_bound_or_refused() {
    fuzz(bombs(PATTERNS, 100_000), |bomb| {
        let text = bomb.text();
        check(&text, &STANDARD);
        for (before, after) in [("filter(x, ", ")"), ("union(", ")"), ("avg(x, 1s, by=(", "))"), ("map(x, ", " as y)")]
        {
            check(&[before, &text, after].concat(), &STANDARD);
        }
    });
}

#[test]
fn the_good_ones_are_good() {
    for good in GOOD {
        bind(good, &*STANDARD).unwrap_or_else(|error| panic!("{}", error.render(good)));
        check(good, &STANDARD);
    }
}

#[test]
fn any_text_is_bound_or_refused() {
    fuzz(any::<String>(), |text| check(&text, &STANDARD));
}
