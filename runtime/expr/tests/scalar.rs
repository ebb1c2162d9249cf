//! Scalar expressions: their canonical form, their values, and what is refused.

use dag_expr::Scalar;
use dag_frame::{Column, ColumnRef, Type, time};

/// Two ordinary rows and one of nulls; the second divides by zero.
fn columns() -> (Vec<(String, Type)>, Vec<Column>) {
    let columns = [
        ("time", Column::timestamp([Some(0), Some(time::parse("2014-02-14T14:00:00Z").unwrap()), Some(1)])),
        ("value", Column::float64([Some(92.5), Some(-1.0), None])),
        ("n", Column::int64([Some(7), Some(0), None])),
        ("host", Column::utf8([Some("web1"), Some("Żółw"), None])),
        ("up", Column::boolean([Some(true), Some(false), None])),
        ("raw", Column::binary([Some(&b"ab"[..]), Some(b"\xff"), None])),
        ("l.host", Column::utf8([Some("web1"), Some("db"), Some("db")])),
        ("cpu-util", Column::int64([Some(1), Some(2), Some(3)])),
        ("end", Column::int64([Some(10), Some(20), Some(30)])),
    ];
    columns.into_iter().map(|(name, column)| ((name.to_owned(), column.ty()), column)).unzip()
}

fn bind(text: &str) -> Scalar {
    Scalar::bind(text, &columns().0).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

fn eval(text: &str) -> Column {
    let (_, columns) = columns();
    bind(text).eval(3, &columns.iter().map(Column::view).collect::<Vec<ColumnRef>>())
}

#[test]
fn spellings_have_one_form() {
    let table = [
        ("value > 90 AND host LIKE 'web%'", "value>90 and host like 'web%'"),
        ("(value > 90.0) and ((host like 'web%'))", "value>90 and host like 'web%'"),
        ("value == 9e1", "value=90"),
        ("n <> 1", "n!=1"),
        ("n > 1.0", "n>1.0"),
        ("1.50", "1.5"),
        ("not (up or n = 1)", "not (up or n=1)"),
        ("not not up", "not not up"),
        ("(up and n = 1) and (value < 2 and up)", "up and n=1 and value<2 and up"),
        ("up or (n = 1 and up)", "up or n=1 and up"),
        ("(up or n = 1) and up", "(up or n=1) and up"),
        ("(n + 1) * 2 - (3 - n) % 5", "(n+1)*2-(3-n)%5"),
        ("n - (1 - 2)", "n-(1-2)"),
        ("(n - 1) - 2", "n-1-2"),
        ("n - -2", "n--2"),
        ("-(n * 2)", "-(n*2)"),
        ("- n * 2", "-n*2"),
        ("-(2)", "-2"),
        ("n / 2.0", "n/2"),
        ("(n = 1) = up", "(n=1)=up"),
        ("host Not In ('a','b', null)", "host not in ('a','b',null)"),
        ("host in ('it''s')", "host in ('it''s')"),
        ("n between 1 and 2 + 3 and up", "n between 1 and 2+3 and up"),
        ("value not between 1.0 and 2", "value not between 1 and 2"),
        ("value is NOT null", "value is not null"),
        ("time >= '2014-02-14 15:00+01:00'", "time>='2014-02-14T14:00:00Z'"),
        ("case when up then 1 else 2.5 end", "case when up then 1 else 2.5 end"),
        ("CASE host WHEN 'a' THEN n END", "case host when 'a' then n end"),
        ("case end when 10 then end else end end", "case end when 10 then end else end end"),
        ("Round(value) + ABS( n )", "round(value)+abs(n)"),
        ("coalesce(value, 0.0)", "coalesce(value,0)"),
        ("cast(n AS Float64)", "cast(n as float64)"),
        ("cast(value as float64)", "value"),
        ("cast(null as int64)", "cast(null as int64)"),
        ("\"value\" > 1", "value>1"),
        ("\"cpu-util\" > 1", "\"cpu-util\">1"),
        ("l.host = host", "l.host=host"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e300", "1e300"),
        ("-0.0 < value", "-0.0<value"),
        ("contains(host, 'b') = true", "contains(host,'b')=true"),
    ];
    for (text, canonical) in table {
        let scalar = bind(text);
        assert_eq!(scalar.to_string(), canonical, "{text}");
        assert_eq!(bind(canonical), scalar, "{text}");
    }
}

#[test]
fn values_are_what_sql_says() {
    use Column as C;
    let table = [
        ("n + 1", C::int64([Some(8), Some(1), None])),
        ("n * value", C::float64([Some(647.5), Some(-0.0), None])),
        ("n / 2", C::float64([Some(3.5), Some(0.0), None])),
        ("7 % 4", C::int64([Some(3); 3])),
        ("-n % 4", C::int64([Some(-3), Some(0), None])),
        ("value / n", C::float64([Some(92.5 / 7.0), None, None])),
        ("5 % n", C::int64([Some(5), None, None])),
        ("9223372036854775807 + n", C::int64([None, Some(i64::MAX), None])),
        ("value > 90", C::boolean([Some(true), Some(false), None])),
        ("value <= n", C::boolean([Some(false), Some(true), None])),
        ("up or value > 90", C::boolean([Some(true), Some(false), None])),
        ("up or true", C::boolean([Some(true); 3])),
        ("up and false", C::boolean([Some(false); 3])),
        ("up and true", C::boolean([Some(true), Some(false), None])),
        ("not up", C::boolean([Some(false), Some(true), None])),
        ("value is null", C::boolean([Some(false), Some(false), Some(true)])),
        ("value is not null", C::boolean([Some(true), Some(true), Some(false)])),
        ("null = null", C::boolean([None; 3])),
        ("least(value, case value when null then null end)", C::float64([None; 3])),
        ("coalesce(null, case when up then null else coalesce(null, null) end, n)", C::int64([Some(7), Some(0), None])),
        ("coalesce(null, null) is null", C::boolean([Some(true); 3])),
        ("host like 'web_'", C::boolean([Some(true), Some(false), None])),
        ("host not like '____'", C::boolean([Some(false), Some(false), None])),
        ("host in ('web1', 'db')", C::boolean([Some(true), Some(false), None])),
        ("host in ('web1', null)", C::boolean([Some(true), None, None])),
        ("host not in ('web1', null)", C::boolean([Some(false), None, None])),
        ("n between 0 and 6.5", C::boolean([Some(false), Some(true), None])),
        ("n not between 1 and null", C::boolean([None, Some(true), None])),
        ("host < 'x'", C::boolean([Some(true), Some(false), None])),
        ("l.host = host", C::boolean([Some(true), Some(false), None])),
        ("up > false", C::boolean([Some(true), Some(false), None])),
        ("raw = raw", C::boolean([Some(true), Some(true), None])),
        ("time >= '2014-02-14'", C::boolean([Some(false), Some(true), Some(false)])),
        ("case when n > 0 then value / n else 0 end", C::float64([Some(92.5 / 7.0), Some(0.0), Some(0.0)])),
        ("case when up then 'a' end", C::utf8([Some("a"), None, None])),
        ("case n when 7 then 'seven' when 0 then 'none' else '?' end", C::utf8(["seven", "none", "?"].map(Some))),
        ("case 1 when n then 'a' when 1 then 'b' end", C::utf8([Some("b"); 3])),
        ("coalesce(value, n, 5)", C::float64([Some(92.5), Some(-1.0), Some(5.0)])),
        ("least(n, 3, value)", C::float64([Some(3.0), Some(-1.0), None])),
        ("greatest(host, 'x')", C::utf8([Some("x"), Some("Żółw"), None])),
        ("greatest(1, 2)", C::int64([Some(2); 3])),
        ("abs(value)", C::float64([Some(92.5), Some(1.0), None])),
        ("round(value) + floor(value) + ceil(value)", C::float64([Some(93.0 + 92.0 + 93.0), Some(-3.0), None])),
        ("round(value / 7, 2)", C::float64([Some(13.21), Some(-0.14), None])),
        ("round(n)", C::int64([Some(7), Some(0), None])),
        ("upper(host)", C::utf8([Some("WEB1"), Some("ŻÓŁW"), None])),
        ("lower(host)", C::utf8([Some("web1"), Some("żółw"), None])),
        ("length(host)", C::int64([Some(4), Some(4), None])),
        ("length(raw)", C::int64([Some(2), Some(1), None])),
        ("substr(host, 2, 2)", C::utf8([Some("eb"), Some("ół"), None])),
        ("substr(host, n)", C::utf8([Some(""), Some("Żółw"), None])),
        ("contains(host, 'eb')", C::boolean([Some(true), Some(false), None])),
        ("concat(host, '/', l.host)", C::utf8([Some("web1/web1"), Some("Żółw/db"), None])),
        ("cast(value as int64)", C::int64([Some(92), Some(-1), None])),
        ("cast(value as utf8)", C::utf8([Some("92.5"), Some("-1"), None])),
        ("cast(host as float64)", C::float64([None; 3])),
        ("cast('12' as int64) + n", C::int64([Some(19), Some(12), None])),
        ("cast(up as int64)", C::int64([Some(1), Some(0), None])),
        ("cast(time as int64)", C::int64([Some(0), Some(1_392_386_400_000_000_000), Some(1)])),
        (
            "cast(time as utf8)",
            C::utf8(["1970-01-01T00:00:00Z", "2014-02-14T14:00:00Z", "1970-01-01T00:00:00.000000001Z"].map(Some)),
        ),
        ("cast(concat('2014-02-', cast(n + 7 as utf8)) as timestamp) > time", C::boolean([Some(true), None, None])),
        ("cast(raw as utf8)", C::utf8([Some("ab"), None, None])),
        ("\"cpu-util\" + end", C::int64([Some(11), Some(22), Some(33)])),
        ("up", C::boolean([Some(true), Some(false), None])),
        ("'x'", C::utf8([Some("x"); 3])),
    ];
    for (text, expected) in table {
        assert_eq!(eval(text), expected, "{text}");
    }
}

#[test]
fn what_has_no_value_is_counted_where_it_is_wanted() {
    let (names, columns) = columns();
    let views: Vec<ColumnRef> = columns.iter().map(Column::view).collect();
    let table = [
        ("value / n", 1),
        ("5 % n", 1),
        ("9223372036854775807 + n", 1),
        ("1 / 0", 1),
        ("cast(host as int64)", 2),
        ("case when n != 0 then value / n end", 0),
        ("coalesce(value, 1 / n)", 0),
        ("value + n", 0),
    ];
    for (text, expected) in table {
        let mut failures = 0;
        Scalar::bind(text, &names).unwrap().eval_counting(3, &views, &mut failures);
        assert_eq!(failures, expected, "{text}");
    }
}

#[test]
fn an_empty_batch_gives_an_empty_column() {
    let (names, columns) = columns();
    let empty: Vec<Column> = columns.iter().map(|column| Column::empty(column.ty())).collect();
    let views: Vec<ColumnRef> = empty.iter().map(Column::view).collect();
    for text in ["1", "n + 1", "case when up then 1 end", "not up", "host in ('a')", "concat(host, 'x')", "least(n, 1)"]
    {
        let scalar = Scalar::bind(text, &names).unwrap();
        assert_eq!(scalar.eval(0, &views), Column::empty(scalar.ty()), "{text}");
    }
}

#[test]
fn only_the_columns_used_are_looked_at() {
    let (names, columns) = columns();
    let scalar = Scalar::bind("value > n and value < 100", &names).unwrap();
    assert_eq!(scalar.columns_used(), [1, 2]);
    let mut views = vec![Column::empty(Type::Boolean); names.len()];
    views[1] = columns[1].clone();
    views[2] = columns[2].clone();
    let views: Vec<ColumnRef> = views.iter().map(Column::view).collect();
    assert_eq!(scalar.eval(3, &views).len, 3);
}

#[test]
fn what_cannot_mean_anything_is_refused_where_it_stands() {
    let table = [
        ("valu > 1", "valu", "there is no column `valu`", "`value` has a similar name"),
        ("host = \"web1\"", "\"web1\"", "there is no column `web1`", "single quotes"),
        ("cpu-util > 1", "cpu-util", "there is no column `cpu`", "\"cpu-util\""),
        ("host > 5", "5", "cannot compare utf8 and int64", "cast"),
        ("value > '5'", "'5'", "cannot compare float64 and utf8", "no quotes"),
        ("time > '14.2.2014'", "'14.2.2014'", "is not a time", ""),
        ("time > host", "host", "cannot compare timestamp and utf8", "cast(... as timestamp)"),
        ("host + 'x'", "host", "`+` takes numbers", "concat"),
        ("n and up", "n", "`and` takes boolean, this is int64", ""),
        ("not host", "host", "`not` takes boolean", ""),
        ("n like '5%'", "n", "`like` takes utf8", "cast"),
        ("1 < n < 3", "<", "a comparison cannot be compared again", "a < b and b < c"),
        ("n = 1 is null", "is", "a comparison cannot be compared again", ""),
        ("n = not up", "not", "expected a value", "parentheses"),
        ("n >", "", "expected a name or a value, found the end", ""),
        ("n > 1)", ")", "expected an operator or the end, found `)`", ""),
        ("(n > 1", "", "expected `,`, `)` or an operator, found the end", ""),
        ("n > 5min", "5min", "a duration is no value", ""),
        ("n in 5", "5", "expected `(`", ""),
        ("n in (1, 'a')", "'a'", "cannot compare int64 and utf8", ""),
        ("abs()", "abs", "abs takes 1 arguments, found 0", ""),
        ("absolute(n)", "absolute", "there is no function `absolute`", "functions are"),
        ("cel(n)", "cel", "there is no function `cel`", "`ceil`"),
        ("cast(n as decimal)", "decimal", "there is no type `decimal`", "types are"),
        ("cast(raw as int64)", "raw", "binary cannot become int64", ""),
        ("null", "null", "null has no type", "cast"),
        ("case when 1 then 2 end", "1", "`when` takes boolean", ""),
        ("case when up then 1 else 'a' end", "'a'", "cannot give both int64 and utf8", ""),
        ("case when up then 1", "", "expected `when`, `else` or `end`", ""),
        ("9223372036854775808", "9223372036854775808", "does not fit into int64", ""),
        ("n ~ 1", "~", "`~` has no meaning here", ""),
        ("host = 'web", "'web", "has no closing '", ""),
        ("n as x", "as", "expected an operator or the end", ""),
    ];
    for (text, blamed, message, help) in table {
        let error = Scalar::bind(text, &columns().0).expect_err(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert!(error.help.as_deref().unwrap_or_default().contains(help), "{text}: {:?}", error.help);
        assert_eq!(&text[error.span.clone()], blamed, "{text}");
    }
}

#[test]
fn depth_and_length_have_limits() {
    let deep = |depth: usize| format!("{}n{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Scalar::bind(&deep(50), &columns().0).is_ok());
    for text in [
        deep(1000),
        "-".repeat(1000) + "n",
        "not ".repeat(1000) + "up",
        vec!["n"; 1000].join("+"),
        "n{a=b}".to_owned() + &"{a=b}".repeat(1000),
        "case when up then ".repeat(500),
    ] {
        assert!(Scalar::bind(&text, &columns().0).unwrap_err().message.contains("deep"), "{text}");
    }
    let wide = vec!["up"; 1000].join(" and ");
    assert!(Scalar::bind(&wide, &columns().0).is_ok(), "long chains of `and` are not deep");
    assert!(Scalar::bind(&" ".repeat(20_000), &columns().0).unwrap_err().message.contains("bytes"));
}
