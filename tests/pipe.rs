//! `dag pipe` gives on standard output what a node would give from the beginning.

use dag_tests::{Node, dag_with_input};

const SCHEMA: &str = "host utf8, value float64";

/// Two hosts, a reading of each in most seconds of five minutes, some above 90, some missing.
fn readings() -> String {
    let record = |second: usize, host: &str, value: usize| match value {
        0 => format!("{second},{host},\n"),
        value => format!("{second},{host},{value}.5\n"),
    };
    let second = |second: usize| record(second, "web1", second * 37 % 101) + &record(second, "db-1", second * 53 % 97);
    let seconds = (0..300).filter(|second| second % 17 < 14);
    seconds.map(second).fold(String::from("time,host,value\n"), |text, records| text + &records)
}

#[test]
fn a_pipe_gives_what_a_node_gives_to_the_byte() {
    let input = readings();
    let node = Node::start();
    node.create("x", SCHEMA, &[]);
    node.publish("x", &input, &["--seal", "--batch-rows", "50"]);
    for expression in [
        "x{host=db-1}",
        "filter(x, value > 90 and host like 'web%')",
        "map(x, host, value * 2 as twice)",
        "union(filter(x, value > 90), filter(x, value < 10))",
        "join(avg(x, 1min, by=host) as a, max(x, 1min, by=host) as m, on=host, within=0s)",
        "stddev(x, 1min, every=20s, by=host)",
        "sum(x, session=2s, by=host)",
        "count(x, by=host)",
        "delta(avg(x, 5s, by=host), by=host)",
        "above(x, 40, times=2, by=host)",
    ] {
        let piped = dag_with_input(&["pipe", expression], input.as_bytes()).success();
        assert!(piped.lines().count() > 5, "{expression} has results: {piped}");
        assert_eq!(piped, node.csv(expression), "{expression}");
    }
}

#[test]
fn input_and_output_may_be_written_in_different_ways() {
    let csv = "time,host,value\n0,a,1.5\n1,b,\n";
    let json = "{\"time\":0,\"host\":\"a\",\"value\":1.5}\n{\"time\":1,\"host\":\"b\",\"value\":null}\n";
    let csv_out = "time,host,value\n1970-01-01T00:00:00Z,a,1.5\n1970-01-01T00:00:01Z,b,\n";
    let json_out = "{\"time\":\"1970-01-01T00:00:00Z\",\"host\":\"a\",\"value\":1.5}\n\
                    {\"time\":\"1970-01-01T00:00:01Z\",\"host\":\"b\",\"value\":null}\n";
    for (input, options, expected) in [
        (csv, &[][..], csv_out),
        (csv, &["--format", "json"], json_out),
        (json, &[], json_out),
        (json, &["--format", "csv"], csv_out),
    ] {
        let output = dag_with_input(&[&["pipe", "x", "--schema", SCHEMA], options].concat(), input.as_bytes());
        assert_eq!(output.success(), expected, "{options:?}");
    }
}

#[test]
fn what_comes_out_of_a_pipe_goes_into_the_next() {
    let averages = dag_with_input(&["pipe", "avg(x, 5s, by=host)"], readings().as_bytes()).success();
    let greatest = dag_with_input(&["pipe", "max(averages, 1min, by=host)"], averages.as_bytes()).success();
    let nested = dag_with_input(&["pipe", "max(avg(x, 5s, by=host), 1min, by=host)"], readings().as_bytes()).success();
    assert_eq!(greatest, nested);
}

#[test]
fn malformed_lines_are_named_and_the_others_kept() {
    let input = "time,value\n0,1\n1,abc\n2,3\nnever,4\n4,5\n";
    let output = dag_with_input(&["pipe", "sum(x, 5s)", "--schema", "value float64"], input.as_bytes()).code(3);
    assert_eq!(output.stdout, "time,value\n1970-01-01T00:00:00Z,9.0\n");
    let mut lines = output.stderr.lines();
    assert_eq!(lines.next(), Some("line 3, column value: expected float64, found `abc`"));
    let second = lines.next().unwrap_or_default();
    assert!(second.starts_with("line 5, column time: ") && second.contains("never"), "{second}");
    assert_eq!(lines.next(), Some("read 3 on time, 0 late, 2 refused"));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_column() {
    for (expression, complaints) in [
        ("union(x, y)", &["x, y", "one input"][..]),
        ("avrg(x, 5s)", &["column 1", "`avrg`", "`avg` has a similar name"]),
        ("filter(x, value > 'a')", &["column 19", "int64", "utf8"]),
        ("avg(x, 5s, by=hots)", &["column 15", "`hots`", "`host` has a similar name"]),
    ] {
        let output = dag_with_input(&["pipe", expression], b"time,host,value\n0,a,1\n").code(1);
        assert_eq!(output.stdout, "", "{expression}");
        for complaint in complaints {
            assert!(output.stderr.contains(complaint), "{expression}: {complaint} is not in: {}", output.stderr);
        }
    }
}
