//! Who may use a node that speaks TLS: whoever shows a token that is good for what is asked, and nobody else.

use std::fs;
use std::io::Read;
use std::net::TcpStream;

use dag_tests::secure::{Authority, Secure};
use dag_tests::{DEADLINE, Node, Options, dag};

/// What an endpoint is about, as far as tokens for some streams are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// All of the node.
    Node,
    /// No stream; of several, those that the token is for.
    Any,
    /// `sensors.x`.
    Stream,
}

/// An endpoint, a request to it, its body, the scopes of which it wants one, and what it is about.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], About);

/// All endpoints. What the requests are about is mostly not there, so that nothing comes of them.
const ENDPOINTS: [Row; 25] = [
    ("GET /v1/streams", "/v1/streams", "", &["read"], About::Any),
    ("POST /v1/streams", "/v1/streams", r#"{"name":"sensors.y","schema":[]}"#, &["publish"], About::Stream),
    ("GET /v1/streams/{name}", "/v1/streams/avg(sensors.x,1m)", "", &["read", "publish"], About::Stream),
    ("PATCH /v1/streams/{name}", "/v1/streams/sensors.x", "{}", &[], About::Stream),
    ("DELETE /v1/streams/{name}", "/v1/streams/sensors.none", "", &[], About::Stream),
    ("POST /v1/streams/{name}/records", "/v1/streams/sensors.x/records", "", &["publish"], About::Stream),
    (
        "GET /v1/streams/{name}/publishers/{publisher}",
        "/v1/streams/sensors.x/publishers/p",
        "",
        &["read", "publish"],
        About::Stream,
    ),
    ("GET /v1/subscribe", "/v1/subscribe?expr=avg(sensors.x,1m)&limit=0", "", &["read"], About::Stream),
    ("GET /v1/subscriptions/{id}/notices", "/v1/subscriptions/1-1/notices", "", &["read"], About::Any),
    ("GET /v1/cursors", "/v1/cursors", "", &["read"], About::Any),
    ("GET /v1/cursors/{name}", "/v1/cursors/c", "", &["read"], About::Stream),
    ("POST /v1/cursors/{name}", "/v1/cursors/c", "{}", &["read"], About::Stream),
    ("PUT /v1/cursors/{name}", "/v1/cursors/c", "{}", &["read"], About::Stream),
    ("DELETE /v1/cursors/{name}", "/v1/cursors/c", "", &["read"], About::Stream),
    ("GET /v1/operators", "/v1/operators", "", &["read"], About::Any),
    ("GET /v1/operators/{name}", "/v1/operators/avg", "", &["read"], About::Any),
    ("POST /v1/operators/{name}/rollback", "/v1/operators/none/rollback", "", &[], About::Node),
    ("POST /v1/components", "/v1/components", "none", &[], About::Node),
    ("DELETE /v1/components/{name}", "/v1/components/none", "", &[], About::Node),
    ("POST /v1/backup", "/v1/backup", "{}", &[], About::Node),
    ("GET /v1/tokens", "/v1/tokens", "", &[], About::Node),
    ("POST /v1/tokens", "/v1/tokens", "{}", &[], About::Node),
    ("DELETE /v1/tokens/{name}", "/v1/tokens/none", "", &[], About::Node),
    ("GET /v1/status", "/v1/status", "", &["read"], About::Any),
    ("GET /v1/explain", "/v1/explain?expr=avg(sensors.x,1m)", "", &["read"], About::Stream),
];

/// The endpoints that a node has, as its router says.
fn endpoints() -> Vec<String> {
    let router = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/node/src/http/mod.rs"));
    let router = router.expect("it is there");
    let routes = router.split(".route(").skip(1).map(|route| {
        let path = route.split('"').nth(1).expect("a route has a path").to_owned();
        let route = route.split(".fallback(").next().unwrap_or_default().to_owned();
        (path, route)
    });
    let methods = ["get", "post", "put", "patch", "delete"];
    let of = |(path, route): (String, String)| {
        let has = move |method: &&str| [" ", "."].iter().any(|before| route.contains(&format!("{before}{method}(")));
        methods
            .into_iter()
            .filter(has)
            .map(move |method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    };
    routes.flat_map(of).collect()
}

#[test]
fn every_endpoint_wants_a_token_that_is_good_for_it() {
    let secure = Secure::start(&[]);
    secure.dag(&["create", "sensors.x", "--schema", "value float64"]).success();
    secure.dag(&["create", "other", "--schema", "value float64"]).success();
    secure.dag(&["subscribe", "sensors.x", "--cursor", "c", "-n", "0"]).success();
    let scopes = ["read", "publish", "admin"];
    let of = |prefix: &'static str| {
        let make = |scope: &'static str| {
            let name = format!("{scope} {prefix}");
            let options: &[&str] = if prefix.is_empty() { &[] } else { &["--prefix", prefix] };
            (scope, secure.token(&name, &[&["--scope", scope], options].concat()))
        };
        scopes.map(make)
    };
    let (all, own, others) = (of(""), of("sensors."), of("othe"));
    let expired = secure.token("expired", &["--scope", "admin", "--expires", "1ms"]);
    let revoked = secure.token("revoked", &["--scope", "admin"]);
    secure.dag(&["token", "revoke", "revoked"]).success();

    let lacking: Vec<String> =
        endpoints().into_iter().filter(|endpoint| !ENDPOINTS.iter().any(|row| row.0 == endpoint)).collect();
    assert!(lacking.is_empty(), "nobody knows who may ask for {lacking:?}");
    assert_eq!(endpoints().len(), ENDPOINTS.len(), "{:?}", endpoints());
    let mut wrong = Vec::new();
    for (endpoint, path, body, wanted, about) in ENDPOINTS {
        let line = format!("{} {path}", endpoint.split(' ').next().unwrap_or_default());
        let mut check = |what: String, token: Option<&str>, expected: &[u16]| {
            let answer = secure.ask(token, &line, body);
            let passes = expected.is_empty() && !matches!(answer.status, 401 | 403 | 500..);
            if !passes && !expected.contains(&answer.status) {
                wrong.push(format!("{endpoint}, {what}: {}, {}", answer.status, answer.body));
            }
        };
        check("no token".to_owned(), None, &[401]);
        check("no token of this node".to_owned(), Some("dag_x"), &[401]);
        check("an expired token".to_owned(), Some(&expired), &[401]);
        check("a revoked token".to_owned(), Some(&revoked), &[401]);
        // Those first of whose requests nothing may come.
        for (scope, token) in &others {
            let good = about == About::Any && (*scope == "admin" || wanted.contains(scope));
            check(format!("one of other streams, for {scope}"), Some(token), if good { &[] } else { &[403] });
        }
        for (scope, token) in &all {
            let good = *scope == "admin" || wanted.contains(scope);
            check(format!("a token for {scope}"), Some(token), if good { &[] } else { &[403] });
        }
        for (scope, token) in &own {
            let good = about != About::Node && (*scope == "admin" || wanted.contains(scope));
            check(format!("one of these streams, for {scope}"), Some(token), if good { &[] } else { &[403] });
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    lists_are_of_what_may_be_seen(&secure, &own[0].1, &others[0].1);
    expressions_are_judged_by_all_below_them(&secure, &own[0].1);
}

fn lists_are_of_what_may_be_seen(secure: &Secure, own: &str, others: &str) {
    let names = |token: &str, path: &str, list: &str| -> Vec<String> {
        let listed = secure.ask(Some(token), &format!("GET /v1/{path}"), "").json();
        let listed = listed[list].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
        listed.iter().map(|it| it["name"].as_str().expect("it has a name").to_owned()).collect()
    };
    assert_eq!(names(own, "streams", "streams"), ["sensors.x", "avg(sensors.x,1m)"]);
    assert_eq!(names(others, "streams", "streams"), ["other"]);
    assert_eq!(names(others, "cursors", "cursors"), [] as [&str; 0]);
}

fn expressions_are_judged_by_all_below_them(secure: &Secure, own: &str) {
    let why = |expression: &str, status: u16| {
        let answer = secure.ask(Some(own), &format!("GET /v1/explain?expr={expression}"), "");
        assert_eq!(answer.status, status, "{expression}: {}", answer.body);
        answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(why("union(avg(sensors.x,1m),avg(sensors.x,2m))", 200), "");
    for beyond in ["union(sensors.x,other)", "other", "late(other)", "errors(avg(other,1m))"] {
        let message =
            "the token `read sensors.` is for streams whose names begin with `sensors.`, and `other` does not";
        assert_eq!(why(beyond, 403), message, "{beyond}");
    }
    // It would name another stream once there is an operator of that name.
    assert!(why("sensors.none(other)", 404).contains("sensors"));
    let waiting = secure.ask(Some(own), "GET /v1/subscribe?wait=true&expr=sensors.none(other)", "");
    assert_eq!(waiting.status, 404, "{}", waiting.body);
}

#[test]
fn the_cli_comes_over_tls_with_a_token() {
    let mut secure = Secure::start(&[]);
    secure.dag(&["create", "x", "--schema", "value int64"]).success();
    let (ca, url) = (secure.authority.file(), secure.node.url().to_owned());
    let ca = ca.to_str().expect("it is UTF-8").to_owned();
    let made = secure.dag(&["token", "create", "ci", "--scope", "read,publish", "--json"]).success();
    let made: serde_json::Value = serde_json::from_str(&made).expect("--json prints JSON");
    assert_eq!((&made["name"], &made["scopes"]), (&"ci".into(), &serde_json::json!(["read", "publish"])));
    let token = made["secret"].as_str().expect("it is told once").to_owned();
    assert!(!secure.dag(&["token", "list", "--json"]).success().contains(&token));
    assert!(secure.dag(&["token", "list"]).success().contains("ci     read,publish  all streams  valid"));

    let as_ci = |arguments: &[&str]| secure.node.dag(&[arguments, &["--ca", &ca, "--token", &token]].concat());
    as_ci(&["publish", "x", "-", "--format", "json", "--seal"]);
    let denied = as_ci(&["delete", "x", "--yes"]);
    assert!(
        denied.stderr.contains("the token `ci` is for `read` and `publish`, and this wants one for `admin`"),
        "{denied:?}"
    );
    let denied = secure.node.dag(&["status", "--ca", &ca]);
    assert!(denied.stderr.contains("this node wants a token; send `Authorization: Bearer TOKEN`"), "{denied:?}");

    let unbelieved = secure.node.dag(&["status", "--ca", Authority::new().file().to_str().expect("it is UTF-8")]);
    assert!(
        unbelieved.stderr.contains("of no authority that is believed here: name its own with --ca"),
        "{unbelieved:?}"
    );
    let other_name = dag(&["status", "--node", &url.replace("127.0.0.1", "127.0.0.2"), "--ca", &ca]);
    assert!(!other_name.stderr.contains("listening") && other_name.code(1).stderr.contains("127.0.0"), "it is refused");
    let plain = dag(&["status", "--node", &url.replace("https", "http")]);
    assert!(plain.stderr.contains("this node speaks HTTP over TLS only: say https://"), "{plain:?}");
    let node = Node::start();
    let secured = dag(&["status", "--node", &node.url().replace("http", "https"), "--ca", &ca]);
    assert!(secured.stderr.contains("what answers does not speak TLS: say http:// instead"), "{secured:?}");

    // It is not made twice, and what was made lasts.
    let admin = fs::read_to_string(secure.admin()).expect("the node made it");
    secure.node.restart();
    assert_eq!(fs::read_to_string(secure.admin()).expect("it is there"), admin);
    secure.node.dag(&["streams", "--ca", &ca, "--token", &token]).success();
}

#[test]
fn what_is_open_with_a_token_is_closed_when_it_is_revoked_or_expires() {
    let secure = Secure::start(&[]);
    secure.dag(&["create", "x", "--schema", "value int64"]).success();
    let token = secure.token("dashboard", &["--scope", "read"]);
    let mut lines = secure.lines(&token, "/v1/subscribe?expr=x");
    assert_eq!(lines.next().expect("it answers").expect("it answers"), "HTTP/1.1 200 OK");
    secure.dag(&["token", "revoke", "dashboard"]).success();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(!rest.contains(&"0".to_owned()), "nobody takes a part for the whole: {rest:?}");
    let brief = secure.token("brief", &["--scope", "read", "--expires", "1s"]);
    // It may have expired before.
    secure.lines(&brief, "/v1/subscribe?expr=x").map_while(Result::ok).for_each(drop);
    assert_eq!(secure.ask(Some(&brief), "GET /v1/status", "").status, 401);
}

#[test]
fn whoever_does_not_shake_hands_loses_the_connection() {
    let secure = Secure::start(&["--request-time", "200ms"]);
    let mut silent = TcpStream::connect(secure.address()).expect("the node listens");
    silent.set_read_timeout(Some(DEADLINE)).expect("a time is a time-out");
    assert_eq!(silent.read(&mut [0; 1]).expect("the node closes it"), 0);
}

#[test]
fn a_node_says_what_it_lacks_to_listen_for_others() {
    let why = |arguments: &[&str]| {
        let finished = dag(&[&["serve", "--data", "/nowhere/dag-tests", "--listen", "0.0.0.0:0"], arguments].concat());
        finished.code(2).stderr.clone()
    };
    assert!(why(&[]).contains("it has neither TLS nor tokens; give it a certificate with --tls-cert and --tls-key"));
    assert!(why(&["--tls-cert", "a.pem"]).contains("--tls-cert without --tls-key"));
    assert!(why(&["--tls-key", "a.key"]).contains("--tls-key without --tls-cert"));
    let authority = Authority::new();
    let (certificate, key) = authority.certify(&["localhost"]);
    let (certificate, key) = (certificate.to_str().expect("UTF-8"), key.to_str().expect("UTF-8"));
    assert!(why(&["--tls-cert", certificate, "--tls-key", key, "--insecure"]).contains("say one of the two"));
}

#[test]
fn a_folder_with_streams_becomes_a_cluster_with_an_authority() {
    let mut node = Node::start();
    node.create("x", "value int64", &[]);
    let data = node.data().to_str().expect("it is UTF-8").to_owned();
    let init = || dag(&["init", "--data", &data, "--json"]);
    assert!(init().code(1).stderr.contains("another node uses"), "it runs");
    let mut made = serde_json::Value::Null;
    node.restart_after(|_| {
        made = serde_json::from_str(&init().success()).expect("--json prints JSON");
        let cluster = made["cluster"].as_str().expect("it has an identity");
        assert!(init().code(1).stderr.contains(&format!("this folder is of the cluster {cluster}, as node 1")));
    });
    assert_eq!(made["node"], 1);
    // On this machine alone nothing has changed.
    assert!(node.url().starts_with("http://"));
    node.stop();
    let (ca, token) = (made["ca"].as_str().expect("it is a path"), node.data().join("admin.token"));
    let shown = ["--ca", ca, "--token-file", token.to_str().expect("it is UTF-8")];
    let arguments = ["--advertise", "dag.example.com"].map(str::to_owned).to_vec();
    let options = Options { arguments, ..Options::default() };
    let mut node = node.again(options);
    assert!(node.url().starts_with("https://"));
    assert!(node.dag(&[&["streams"][..], &shown].concat()).success().contains("x "));
    let by_name = node.url().replace("127.0.0.1", "localhost");
    dag(&[&["streams", "--node", &by_name][..], &shown].concat()).success();
    // The authority is the same after a start, and the certificate for clients another one.
    node.restart();
    node.dag(&[&["streams"][..], &shown].concat()).success();
}

#[test]
fn tokens_are_managed_where_nobody_else_listens() {
    // On this machine alone, without TLS, anybody may do everything, as ever.
    let node = Node::start();
    let made = node.dag(&["token", "create", "a", "--scope", "read"]);
    assert!(made.success().starts_with("dag_"));
    assert_eq!(node.http().get("status", &[]).status, 200);
}
