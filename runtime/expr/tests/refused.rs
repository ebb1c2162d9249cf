//! Streams that are refused: where, why, and what to do.

mod catalog;

use std::sync::Arc;

use catalog::{default, parameter, positional, required, signature, standard};
use dag_expr::{ErrorKind, Kind, MAX_INPUTS, ParameterKind, Signature, bind, names};

#[test]
fn what_is_wrong_is_shown_where_it_stands() {
    let table = [
        ("avg(cpu_utl, 5min)", "cpu_utl", "there is no stream `cpu_utl`", "`cpu_util` has a similar name"),
        ("agv(cpu_util, 5min)", "agv", "there is no operator `agv`", "`avg` has a similar name"),
        ("nothing.avg(cpu)", "nothing.avg", "there is no operator", ""),
        ("mem-util", "mem-util", "expected a stream, found a computation", "\"mem-util\""),
        ("avg(mem-util, 5min)", "mem-util", "expected a stream", "\"mem-util\""),
        ("avg(5d, 5min)", "5d", "expected a stream, found a duration", "double quotes"),
        ("avg('cpu', 5min)", "'cpu'", "expected a stream, found a text", "a name is written cpu"),
        ("avg", "avg", "there is no stream `avg`", "avg(...)"),
        ("abs(cpu)", "abs", "there is no operator `abs`", "map(STREAM, abs(...) as name)"),
        ("avg()", "avg", "avg takes 1 stream, found 0", "avg(STREAM, [WINDOW]"),
        ("join(cpu, on=host)", "join", "join takes 2 streams, found 1", "join(STREAM, STREAM, on=MATCH, within=)"),
        ("join(cpu, mem)", "join", "join needs `on`", "join("),
        ("join(cpu as l, mem as r, bare, on=host)", "bare", "join takes no argument here", "join("),
        ("union(cpu)", "union", "union takes 2 streams, found 1", "union(STREAM, STREAM, ...)"),
        ("filter(cpu)", "filter", "filter needs `where`", "filter(STREAM, WHERE)"),
        ("filter(cpu, value)", "value", "expected a condition, found a value of type float64", "value > 90"),
        ("filter(cpu, valeu > 1)", "valeu", "there is no column `valeu`", "`value`"),
        ("filter(cpu, host = \"web1\")", "\"web1\"", "there is no column `web1`", "single quotes"),
        ("filter(cpu, value > '5')", "'5'", "cannot compare float64 and utf8", ""),
        ("filter(cpu, value > 1, host = 'a')", "host", "filter has no parameter `host`", "filter("),
        ("avg(cpu, 5)", "5", "expected a duration such as 5min, found a number", ""),
        ("avg(cpu, 5 m)", " m", "a space stands before the unit `m`", "`5m`"),
        ("quantile(cpu, .9)", ".", "`.` has no meaning here", ""),
        ("prod . cpu", ".", "`.` has no meaning here", ""),
        ("avg(cpu, 1 month)", "month", "calendar units are not durations", "30d"),
        ("avg(cpu, 5min, 1min)", "1min", "avg takes no argument here, found a duration", "every="),
        ("avg(cpu, 5min, evry=1min)", "evry", "avg has no parameter `evry`", "`every` has a similar name"),
        ("avg(cpu, 5min, every=1min, every=2min)", "every=2min", "`every` is given twice", ""),
        ("avg(cpu, 5min, of=value, of=value)", "of=value", "`of` is given twice", ""),
        ("avg(cpu, 0s)", "0s", "must be positive", ""),
        ("avg(cpu, 5s, every=10s)", "every=10s", "would leave records out", "at most the window"),
        ("avg(cpu, every=10s)", "every=10s", "need a window", ""),
        ("avg(cpu, 5s, session=3s)", "session=3s", "a session has no fixed length", ""),
        ("avg(cpu, 5s, by=hots)", "hots", "there is no column `hots`", "`host`"),
        ("avg(cpu, 5s, by=(host, host))", "host", "named twice", ""),
        ("avg(cpu, 5s, by=time)", "time", "there is no column `time`", "columns are value, host"),
        (
            "avg(bare, 5s)",
            "avg",
            "avg takes of=value by default: there is no column `value`",
            "say another with of=; columns are load",
        ),
        ("avg(cpu as c, 5s as d)", "d", "`as` names streams", ""),
        ("join(cpu as c, mem as c, on=host)", "c", "two inputs are called `c`", ""),
        ("join(cpu as l, bare as r, on=host)", "host", "there is no column `host` in r", "columns are load"),
        ("join(cpu as l, mem as r, on=l.host = q.host)", "q.host", "there is no column `q.host`", ""),
        ("join(x, x, on=x.host = x.host)", "x.host", "could be one of several", "different names"),
        ("above(cpu, ninety)", "ninety", "expected a number, found the name `ninety`", ""),
        ("above(cpu, 90, times=2.5)", "2.5", "expected a whole number", ""),
        ("map(cpu, * as all)", "all", "`*` stands for all columns", ""),
        ("late(avg(cpu, 5s))", "avg(cpu, 5s)", "only a source has late records", ""),
        ("late(cpu, mem)", "late", "late(...) takes one source", ""),
        ("errors(cpu)", "cpu", "only a derived stream passes records over", "its publisher told"),
        ("errors(late(cpu))", "late(cpu)", "only a derived stream", ""),
        ("errors(errors(avg(cpu, 5s)))", "errors(avg(cpu, 5s))", "only a derived stream", ""),
        ("errors(avg(cpu, 5s), 1h)", "errors", "errors(...) takes one derived stream", ""),
        ("errors(avg(cpu_utl, 5s))", "cpu_utl", "there is no stream `cpu_utl`", "`cpu_util`"),
        (
            "count(errors(delta( cpu )), 1h)",
            "errors",
            "`delta(cpu)` stops at a record that its operator cannot take",
            "`dag alter \"delta(cpu)\" --on-error skip`",
        ),
        ("cpu{host=a", "{host=a", "no closing `}`", ""),
        ("cpu{host>a}", ">", "expected `=`", "filter(...)"),
        ("refuse(cpu)", "refuse", "refuse: it does as it says", ""),
        ("avg(cpu, 5min", "", "expected `,`, `)` or an operator, found the end", ""),
        ("cpu mem", "mem", "expected an operator or the end, found the name `mem`", ""),
        ("", "", "expected a name or a value, found the end", ""),
    ];
    for (text, blamed, message, help) in table {
        let error = bind(text, &standard()).expect_err(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert!(error.help.as_deref().unwrap_or_default().contains(help), "{text}: {:?}", error.help);
        assert_eq!(&text[error.span.clone()], blamed, "{text}");
    }
}

#[test]
fn an_error_shows_the_expression_with_a_line_under_the_part() {
    let text = "avg(cpu_utl, 5min)";
    let shown = bind(text, &standard()).unwrap_err().render(text);
    let expected = "column 5: there is no stream `cpu_utl`\n  avg(cpu_utl, 5min)\n      ^^^^^^^\nhelp: `cpu_util` has a similar name";
    assert_eq!(shown, expected);
}

#[test]
fn what_may_still_come_is_told_from_what_never_will() {
    let kind = |text| bind(text, &standard()).unwrap_err().kind;
    assert_eq!(kind("avg(disk, 5s)"), ErrorKind::UnknownStream("disk".to_owned()));
    assert_eq!(kind("median2(cpu, 5s)"), ErrorKind::UnknownOperator("median2".to_owned()));
    assert_eq!(kind("errors(delta( cpu ))"), ErrorKind::UnknownStream("errors(delta(cpu))".to_owned()));
    assert_eq!(kind("avg(cpu, 5)"), ErrorKind::Other);
}

#[test]
fn an_operator_that_takes_any_number_of_streams_takes_as_many_as_there_may_be() {
    let mut catalog = standard();
    catalog.signatures.push(Arc::new(signature(Kind::Transform, "merge", (1, None), Vec::new())));
    let merge = |inputs: usize| bind(&format!("merge({})", vec!["cpu"; inputs].join(", ")), &catalog);
    assert!(merge(MAX_INPUTS).is_ok());
    let error = merge(MAX_INPUTS + 1).unwrap_err();
    assert_eq!(error.message, "merge takes 64 streams at most, found 65");
    assert!(error.help.is_some_and(|help| help.contains("as one stream")));
}

#[test]
fn the_streams_of_an_expression_are_found_without_them() {
    let standard = standard();
    let table: [(&str, &[&str]); 8] = [
        ("a", &["a"]),
        ("avg(a, 5min, by=host)", &["a"]),
        ("filter(late(a), value > b and host = 'c')", &["a"]),
        ("count(errors(filter(a, value > b)), 1h)", &["a"]),
        ("join(a{x=y} as l, max(b.c, 5s) as r, on=host)", &["a", "b.c"]),
        ("union(a, b, a, avg(c))", &["a", "b", "c"]),
        ("map(\"a b\", value, host as h)", &["a b"]),
        ("avg(avg((a), 5s), 30s)", &["a"]),
    ];
    for (text, expected) in table {
        assert_eq!(names(text, &standard).unwrap(), expected, "{text}");
    }
    assert_eq!(names("median2(a)", &standard).unwrap_err().kind, ErrorKind::UnknownOperator("median2".to_owned()));
    assert_eq!(names("avrg(a)", &standard).unwrap_err().help.as_deref(), Some("`avg` has a similar name"));
    assert!(names("avg(5min)", &standard).is_err());
}

#[test]
fn a_signature_tells_how_it_is_used() {
    let standard = standard();
    let usage = |name: &str| dag_expr::Catalog::operator(&standard, None, name).unwrap().usage();
    assert_eq!(usage("avg"), "avg(STREAM, [WINDOW], of=value, every=, offset=, session=, by=)");
    assert_eq!(usage("quantile"), "quantile(STREAM, [Q], [WINDOW], of=value, every=, offset=, session=, by=)");
    assert_eq!(usage("map"), "map(STREAM, COLUMNS, ...)");
    assert_eq!(usage("union"), "union(STREAM, STREAM, ...)");
    assert_eq!(usage("above"), "above(STREAM, LIMIT, times=1, of=value, by=)");
}

#[test]
fn signatures_that_expressions_could_not_use_are_refused() {
    use ParameterKind::{Column, Columns, Integer, Projection};
    let one = (1, Some(1));
    let aggregate = |parameters| signature(Kind::Aggregate, "op", one, parameters);
    let transform = |parameters| signature(Kind::Transform, "op", one, parameters);
    let optional = |name| dag_expr::Parameter { required: false, ..positional(name, Integer) };
    let repeated = |name| dag_expr::Parameter { repeated: true, ..positional(name, Projection) };
    let table: Vec<(Signature, &str)> = vec![
        (signature(Kind::Transform, "late", one, vec![]), "no name for an operator"),
        (signature(Kind::Transform, "a.b", one, vec![]), "no name for an operator"),
        (signature(Kind::Transform, "op", (2, Some(1)), vec![]), "at least one stream"),
        (signature(Kind::Aggregate, "op", (2, Some(2)), vec![]), "one input"),
        (aggregate(vec![parameter("by", Columns)]), "already"),
        (aggregate(vec![optional("a")]), "before the window"),
        (aggregate(vec![repeated("a")]), "nothing positional can follow"),
        (transform(vec![required("a", Integer), required("a", Integer)]), "two parameters `a`"),
        (transform(vec![parameter("in", Integer)]), "no name for a parameter"),
        (transform(vec![default("a", Integer, "1 +")]), "default of `a`"),
        (transform(vec![default("a", Column, "1m")]), "the default of `a` is in error: expected a column's name"),
        (transform(vec![repeated("a"), positional("b", Integer)]), "nothing positional can follow"),
        (transform(vec![optional("a"), positional("b", Integer)]), "may be left out"),
        (signature(Kind::Transform, "op", (2, None), vec![positional("a", Integer)]), "cannot be positional"),
        (Signature { key: Some("a".to_owned()), ..transform(vec![parameter("a", Integer)]) }, "kind columns"),
    ];
    for (signature, message) in table {
        let refusal = signature.check().unwrap_err();
        assert!(refusal.contains(message), "{refusal}");
    }
}
