//! The HTTP API of a whole node, spoken to as any client would.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use dag_node::{Config, ServeError};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node on a free port.
struct TestNode {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
    _data: TempDir,
}

impl TestNode {
    async fn start() -> TestNode {
        let data = TempDir::new().unwrap();
        let config = Config::private(data.path(), 1);
        let ((stop, stopped), (ready, address)) = (oneshot::channel(), oneshot::channel());
        let stopped = async { stopped.await.unwrap_or_default() };
        let served = tokio::spawn(dag_node::serve(config, stopped, |address| ready.send(address).unwrap()));
        TestNode { address: address.await.unwrap(), stop, served, _data: data }
    }

    /// A node with a stream `x` of a float64 `value`.
    async fn with_stream() -> TestNode {
        let node = TestNode::start().await;
        let body = json!({"name": "x", "schema": [{"name": "value", "type": "float64"}]}).to_string();
        let (status, _) = node.post("/v1/streams", body).await;
        assert_eq!(status, StatusCode::CREATED);
        node
    }

    /// Sends a request on a connection of its own, which lasts as long as the answer.
    async fn send(&self, request: hyper::http::request::Builder, body: impl Into<Bytes>) -> Response<Incoming> {
        let io = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = request.body(Full::new(body.into())).unwrap();
        sender.send_request(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Incoming> {
        self.send(Request::get(path).header(HOST, "localhost").header("dag-client", "tests"), "").await
    }

    async fn post(&self, path: &str, body: impl Into<Bytes>) -> (StatusCode, Value) {
        // What `curl -d` sends.
        let request = Request::post(path).header(HOST, "localhost");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = self.send(request, body).await;
        (response.status(), json_of(response).await)
    }

    /// Asks for the status until so many subscriptions are open.
    async fn subscribers(&self, wanted: u64) {
        let reached = async { while json_of(self.get("/v1/status").await).await["subscribers"] != wanted {} };
        tokio::time::timeout(PATIENCE, reached).await.expect("the number of subscriptions");
    }
}

async fn json_of(response: Response<Incoming>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

async fn text_of(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The first bytes of a body that goes on.
async fn first_bytes(body: &mut (impl Body<Data = Bytes, Error = hyper::Error> + Unpin)) -> Bytes {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("a frame");
    frame.unwrap().unwrap().into_data().unwrap()
}

const RECORDS: &str = "{\"time\":0,\"value\":1.5}\n{\"time\":1,\"value\":2}\n";

#[tokio::test(flavor = "multi_thread")]
async fn published_records_reach_subscribers_in_each_format() {
    let node = TestNode::with_stream().await;
    let (status, published) = node.post("/v1/streams/x/records?seal=true", RECORDS).await;
    assert_eq!((status, &published["accepted"]), (StatusCode::OK, &json!(2)));

    let response = node.get("/v1/subscribe?expr=x&from=earliest").await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    assert_eq!(response.headers()["dag-stream"], "x");
    assert_eq!(
        text_of(response).await,
        "{\"time\":\"1970-01-01T00:00:00Z\",\"value\":1.5}\n{\"time\":\"1970-01-01T00:00:01Z\",\"value\":2.0}\n"
    );
    let csv = node.get("/v1/subscribe?expr=x&from=earliest&format=csv&limit=1").await;
    assert_eq!(text_of(csv).await, "time,value\n1970-01-01T00:00:00Z,1.5\n");
    let request = Request::get("/v1/subscribe?expr=x&from=earliest&limit=1");
    let events = node.send(request.header(HOST, "localhost").header("accept", "text/event-stream"), "").await;
    let events = text_of(events).await;
    assert!(events.starts_with("event: record\nid: "), "{events}");
    assert!(events.ends_with("event: end\ndata: {\"end\":\"limit\"}\n\n"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_records_are_listed_and_the_others_kept() {
    let node = TestNode::with_stream().await;
    let body = format!("{RECORDS}{{\"time\":2,\"value\":\"abc\"}}\n");
    let (status, answer) = node.post("/v1/streams/x/records?line=11", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(2), &json!(1)));
    let refusal = json!({"line": 13, "column": "value", "reason": "expected float64, found `abc`"});
    assert_eq!(answer["refusals"], json!([refusal]));
    assert_eq!(answer["error"]["code"], "refused-records");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_connection_ends_the_subscription() {
    let node = TestNode::with_stream().await;
    // One waits for records, one for a stream, one cannot write what it has.
    let waiting = node.get("/v1/subscribe?expr=x&format=sse").await;
    node.subscribers(1).await;
    drop(waiting);
    node.subscribers(0).await;

    let records: String = (0..100_000).map(|second| format!("{{\"time\":{second},\"value\":1}}\n")).collect();
    let (status, _) = node.post("/v1/streams/x/records", records).await;
    assert_eq!(status, StatusCode::OK);
    let mut unread = node.get("/v1/subscribe?expr=x&from=earliest").await.into_body();
    first_bytes(&mut unread).await;
    node.subscribers(1).await;
    drop(unread);
    node.subscribers(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_all_records_is_sent_before_there_are_any() {
    let node = TestNode::with_stream().await;
    let mut csv = node.get("/v1/subscribe?expr=x&format=csv").await.into_body();
    assert_eq!(first_bytes(&mut csv).await, "time,value\n");
    let mut arrow = node.get("/v1/subscribe?expr=x&format=arrow").await.into_body();
    assert!(first_bytes(&mut arrow).await.starts_with(&[0xff; 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_in_trailers_to_those_who_take_them() {
    let node = TestNode::with_stream().await;
    let request = || {
        let request = Request::get("/v1/subscribe?expr=x").header(HOST, "localhost");
        request.header("te", "trailers").header("connection", "te")
    };
    let open = node.send(request(), "").await;
    let (status, _) = node.post("/v1/streams/x/records?seal=true", "").await;
    assert_eq!(status, StatusCode::OK);
    let whole = open.into_body().collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["dag-end"], "sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_leaves_no_connection_and_shows_no_part_as_the_whole() {
    let node = TestNode::with_stream().await;
    let plain = node.get("/v1/subscribe?expr=x").await;
    let request = Request::get("/v1/subscribe?expr=x").header(HOST, "localhost").header("te", "trailers");
    let told = node.send(request, "").await;
    node.stop.send(()).unwrap();
    node.served.await.unwrap().unwrap();
    assert_eq!(told.into_body().collect().await.unwrap().trailers().unwrap()["dag-end"], "stopping");
    let error = plain.into_body().collect().await.unwrap_err();
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::UnexpectedEof), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_is_answered_in_json() {
    let node = TestNode::with_stream().await;
    let refused = async |request: hyper::http::request::Builder| {
        let response = node.send(request, "").await;
        let status = response.status().as_u16();
        let error = json_of(response).await["error"].take();
        (status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    };
    let own = |method: &str, path: &str| Request::builder().method(method).uri(path).header(HOST, "localhost");
    for (method, path, status, code) in [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/streams", 405, "method-not-allowed"),
        ("GET", "/v1/streams/nothing", 404, "unknown-stream"),
        ("GET", "/v1/subscribe?expr=nothing", 404, "unknown-stream"),
        ("GET", "/v1/subscribe?expr=x%20x", 400, "bad-expression"),
        ("GET", "/v1/subscribe?expr=x&limit=many", 400, "bad-request"),
        ("GET", "/v1/subscribe", 400, "bad-request"),
        ("GET", "/v1/explain", 400, "bad-request"),
        ("POST", "/v1/streams", 400, "bad-request"),
        ("POST", "/v1/components", 400, "bad-component"),
    ] {
        let (found_status, found_code, message) = refused(own(method, path)).await;
        assert_eq!((found_status, &*found_code), (status, code), "{method} {path}: {message}");
        assert!(!message.is_empty());
    }
    let foreign = refused(Request::get("/v1/nothing").header(HOST, "evil.example")).await;
    assert_eq!((foreign.0, &*foreign.1), (403, "foreign-host"));
    let page = refused(own("POST", "/v1/components").header("origin", "https://evil.example")).await;
    assert_eq!((page.0, &*page.1), (403, "foreign-host"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_of_cursors_come_at_once_than_a_node_has_threads() {
    let node = TestNode::with_stream().await;
    let (status, _) = node.post("/v1/streams/x/records?seal=true", RECORDS).await;
    assert_eq!(status, StatusCode::OK);
    let paths: Vec<_> = (0..600).map(|i| format!("/v1/subscribe?expr=x&from=earliest&limit=1&cursor=c{i}")).collect();
    let come = futures_util::future::join_all(paths.iter().map(|path| node.get(path)));
    let answers = tokio::time::timeout(PATIENCE, come).await.expect("all are answered");
    assert!(
        answers.iter().all(|answer| answer.status() == StatusCode::OK && answer.headers().contains_key("dag-reader"))
    );
}
