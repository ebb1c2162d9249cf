//! Spellings and their canonical forms.

mod catalog;

use catalog::standard;
use dag_expr::{Stream, Window, bind};

fn bound(text: &str) -> Stream {
    bind(text, &standard()).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

/// What is written, and its canonical form.
const SPELLINGS: [(&str, &str); 57] = [
    ("cpu_util", "cpu_util"),
    ("\"cpu_util\"", "cpu_util"),
    ("prod.cpu", "prod.cpu"),
    ("\"cpu-util\"", "\"cpu-util\""),
    ("\"5d\"", "\"5d\""),
    ("(cpu)", "cpu"),
    ("late(cpu)", "late(cpu)"),
    ("errors( avg(cpu_util, 5min) )", "errors(avg(cpu_util,5m))"),
    ("count((errors(cpu_util{host=a})), 1 hour)", "count(errors(filter(cpu_util,host='a')),1h)"),
    ("errors(count(errors(avg(x, 60s)), 1h))", "errors(count(errors(avg(x,1m)),1h))"),
    ("avg(cpu_util, 5min)", "avg(cpu_util,5m)"),
    ("avg( cpu_util , 300 sec )", "avg(cpu_util,5m)"),
    ("avg(cpu_util, 5m, every=300s)", "avg(cpu_util,5m)"),
    ("avg(cpu_util, window=5 minutes, of=value)", "avg(cpu_util,5m)"),
    ("avg(cpu_util, 1h30m, every = 15min)", "avg(cpu_util,1h30m,every=15m)"),
    ("avg(avg(cpu_util, 5s), 30s)", "avg(avg(cpu_util,5s),30s)"),
    ("avg(max(avg(cpu_util,5s,by=host),1min,by=host),1h)", "avg(max(avg(cpu_util,5s,by=host),1m,by=host),1h)"),
    ("avg(cpu_util, 7d, offset=4d)", "avg(cpu_util,7d,offset=4d)"),
    ("avg(cpu_util, 7d, offset=-3d)", "avg(cpu_util,7d,offset=4d)"),
    ("avg(cpu_util, 10s, every=5s, offset=15s)", "avg(cpu_util,10s,every=5s)"),
    ("avg(cpu_util, 5min, by=host)", "avg(cpu_util,5m,by=host)"),
    ("avg(cpu_util, by=(host), 5min)", "avg(cpu_util,5m,by=host)"),
    ("avg(cpu_util, 5min, by=(host, zone), of=times)", "avg(cpu_util,5m,of=times,by=(host,zone))"),
    ("sum(x, session=3s)", "sum(x,session=3s)"),
    ("sum(cpu_util, session=30s, by=host, of=times)", "sum(cpu_util,of=times,session=30s,by=host)"),
    ("count(x)", "count(x)"),
    ("quantile(x, 0.50, 5min)", "quantile(x,0.5,5m)"),
    ("quantile(x, window=5min)", "quantile(x,0.5,5m)"),
    ("quantile(x, q=9e-1)", "quantile(x,0.9)"),
    ("quantile(x)", "quantile(x)"),
    ("quantile(x, 0.5, session=3s)", "quantile(x,session=3s)"),
    ("filter(cpu_util, value > 90 AND host LIKE 'web%')", "filter(cpu_util,value>90 and host like 'web%')"),
    ("filter(cpu_util, (value > 90.0))", "filter(cpu_util,value>90)"),
    ("filter(cpu_util, host = 'web1')", "filter(cpu_util,host='web1')"),
    ("filter(cpu_util, where=host = 'web1' and ok)", "filter(cpu_util,host='web1' and ok)"),
    (
        "filter(cpu_util, time between '2014-02-14' and '2014-02-15' and value is not null)",
        "filter(cpu_util,time between '2014-02-14T00:00:00Z' and '2014-02-15T00:00:00Z' and value is not null)",
    ),
    ("filter(cpu_util, host in ('web1','web2') or not ok)", "filter(cpu_util,host in ('web1','web2') or not ok)"),
    ("filter(cpu_util, \"cpu-util\" between 1 and 2 and ok)", "filter(cpu_util,\"cpu-util\" between 1 and 2 and ok)"),
    ("cpu_util{host=web1,zone=eu}", "filter(cpu_util,host='web1' and zone='eu')"),
    ("cpu_util{ host = 5d }", "filter(cpu_util,host='5d')"),
    ("cpu_util{host=300 sec}", "filter(cpu_util,host='300 sec')"),
    ("avg(cpu_util{host='it''s, {here}'}, 5min)", "avg(filter(cpu_util,host='it''s, {here}'),5m)"),
    ("avg(cpu_util,5m,by=host){host=a}", "filter(avg(cpu_util,5m,by=host),host='a')"),
    ("map(cpu_util, *, value * 8 as bits, host)", "map(cpu_util,*,value*8 as bits,host)"),
    ("map(cpu_util, value as value, upper(host) as \"the host\")", "map(cpu_util,value,upper(host) as \"the host\")"),
    ("map(cpu_util, times = 1 as once)", "map(cpu_util,times=1 as once)"),
    ("union(cpu, mem, x)", "union(cpu,mem,x)"),
    ("join(cpu as l, mem as r, on=host, within=5min)", "join(cpu as l,mem as r,on=host,within=5m)"),
    ("join(cpu as cpu, mem, on=(host, value))", "join(cpu,mem,on=(host,value))"),
    ("join(cpu_util as l, x as r, on=(l.node = r.host))", "join(cpu_util as l,x as r,on=(l.node=r.host))"),
    (
        "join(cpu_util as l, x as r, on=l.node = r.host and r.time > l.time)",
        "join(cpu_util as l,x as r,on=(l.node=r.host and r.time>l.time))",
    ),
    ("join(avg(x,5s,by=host) as a, y, within=90s, on=host)", "join(avg(x,5s,by=host) as a,y,on=host,within=1m30s)"),
    ("above(cpu_util, 90.0, times=3)", "above(cpu_util,90,times=3)"),
    ("above(cpu_util, by=(host), times=1, limit=90)", "above(cpu_util,90,by=host)"),
    ("label(x, count=5)", "label(x,count=5)"),
    ("standard.avg(x, 5m)", "avg(x,5m)"),
    ("other.avg(x, 5m)", "other.avg(x,5m)"),
];

#[test]
fn every_spelling_has_its_canonical_form() {
    for (text, canonical) in SPELLINGS {
        let stream = bound(text);
        assert_eq!(stream.to_string(), canonical, "{text}");
        assert_eq!(bound(canonical), stream, "{text}");
    }
}

#[test]
fn a_component_is_named_only_where_the_operator_alone_means_another() {
    let Stream::Apply(other) = bound("other.avg(x, 5m)") else { panic!() };
    assert_eq!(other.component.as_deref(), Some("other"));
    assert_eq!(bound("\"my-component\".median(x)").to_string(), "median(x)");
}

#[test]
fn windows_are_as_written() {
    const SECOND: i64 = 1_000_000_000;
    let window = |text: &str| match bound(text) {
        Stream::Apply(application) => application.window,
        _ => None,
    };
    let hopping = |size, every, offset| {
        Some(Window::Hopping { size: size * SECOND, every: every * SECOND, offset: offset * SECOND })
    };
    assert_eq!(window("avg(x, 5s)"), hopping(5, 5, 0));
    assert_eq!(window("avg(x, 10s, every=5s, offset=7s)"), hopping(10, 5, 2));
    assert_eq!(window("avg(x, session=3s)"), Some(Window::Session { gap: 3 * SECOND }));
    assert_eq!(window("avg(x)"), Some(Window::Running));
    assert_eq!(window("delta(x)"), None);
}

#[test]
fn defaults_are_filled_in() {
    let Stream::Apply(above) = bound("above(cpu_util, 90)") else { panic!() };
    let arguments: Vec<_> = above.arguments.iter().map(|a| (a.name.as_str(), a.value.as_str(), a.default)).collect();
    assert_eq!(arguments, [("limit", "90", false), ("times", "1", true), ("of", "value", true)]);
}

#[test]
fn inputs_are_called_by_as_by_their_name_or_by_their_place() {
    let Stream::Apply(join) = bound("join(cpu as l, avg(x, 5s, by=host), on=host)") else { panic!() };
    let inputs: Vec<_> = join.inputs.iter().map(|input| (input.alias.as_str(), input.named)).collect();
    assert_eq!(inputs, [("l", true), ("$2", false)]);
}

#[test]
fn an_equality_that_looks_like_a_named_argument_keeps_its_parentheses() {
    let mut catalog = standard();
    let where_times = vec![
        catalog::positional("where", dag_expr::ParameterKind::Predicate),
        catalog::default("times", dag_expr::ParameterKind::Integer, "1"),
    ];
    let pick = catalog::signature(dag_expr::Kind::Transform, "pick", (1, Some(1)), where_times);
    catalog.signatures.push(std::sync::Arc::new(pick));
    for (text, canonical) in [
        ("pick(cpu_util, (times = 2))", "pick(cpu_util,(times=2))"),
        ("pick(cpu_util, where=times = 2 and ok)", "pick(cpu_util,(times=2 and ok))"),
        ("pick(cpu_util, 2 = times, times=3)", "pick(cpu_util,2=times,times=3)"),
        ("pick(cpu_util, host = 'a')", "pick(cpu_util,host='a')"),
    ] {
        let stream = bind(text, &catalog).unwrap();
        assert_eq!(stream.to_string(), canonical);
        assert_eq!(bind(canonical, &catalog).unwrap(), stream);
    }
}

#[test]
fn prefixes_never_meet() {
    let forms: std::collections::HashSet<String> =
        ["cpu", "cpu_util", "\"cpu-util\"", "prod.cpu", "late(cpu)", "\"late\"", "avg(x,5m)", "errors(avg(x,5m))"]
            .map(|text| bound(text).to_string())
            .into();
    assert_eq!(forms.len(), 8);
    assert_ne!(bound("cpu"), bound("cpu_util"));
}
