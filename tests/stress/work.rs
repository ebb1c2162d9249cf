//! What goes on all the time: each kind of work in a thread of its own, a piece after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dag_tests::crew::{Crew, ScopedHand};
use dag_tests::{Feed, Http, Node};
use serde_json::{Value, json};

use crate::clock::Clocks;

/// The kinds of work.
pub const KINDS: [&str; 7] = ["publish", "subscribe", "start", "release", "status", "create", "list"];

/// The stream that is worked with.
const STREAM: &str = "calm";

/// How long a worker rests between two pieces.
const REST: Duration = Duration::from_millis(20);

/// How long a subscriber reads, at most, until its first record is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who works with a node.
#[derive(Clone, Debug)]
pub struct Client {
    pub http: Http,
    pub url: String,
}

impl Client {
    /// A client of that node.
    pub fn of(node: &Node) -> Client {
        Client { http: node.http().clone(), url: node.url().to_owned() }
    }

    /// Makes a stream.
    pub fn create(&self, name: &str) {
        let settings = json!({"name": name, "schema": [{"name": "value", "type": "float64"}], "time": null});
        let made = self.http.post("streams", &[], "application/json", settings.to_string().as_bytes());
        assert_eq!(made.status, 201, "{made:?}");
    }

    /// Publishes a record.
    pub fn publish(&self, stream: &str) {
        let answer = self.http.publish(stream, &[], "{\"value\":1}\n");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Subscribes to all of a stream.
    pub fn subscribe(&self, expression: &str, from: &str) -> Feed {
        let opened = Feed::open(&self.url, &[("expr", expression), ("from", from)]);
        opened.expect("the node answers").expect("it has no reason to refuse")
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.http.get(path, &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Subscribes, reads a record, leaves, and waits until the node knows.
    fn come_and_go(&self, clocks: &Clocks, kind: &'static str, expression: &str) {
        let mut feed = clocks.time(kind, || {
            let mut feed = self.subscribe(expression, "earliest");
            feed.line(PATIENCE).expect("there is a record");
            feed
        });
        let canonical = feed.header("dag-stream").expect("the node names the stream").to_owned();
        while feed.line(Duration::ZERO).is_some() {}
        clocks.time("release", || {
            drop(feed);
            let is_used = |it: &Value| it["stream"] == canonical.as_str() && it["users"] != 0;
            let uses = |status: Value| status["computations"].as_array().is_some_and(|all| all.iter().any(is_used));
            while uses(self.get("status")) {}
        });
    }
}

/// Makes the stream, with a record for those who come.
pub fn prepare(client: &Client) {
    client.create(STREAM);
    client.publish(STREAM);
}

/// Starts all workers; they end when it is over.
pub fn start<'scope>(
    crew: &Crew<'scope, '_>,
    client: &Client,
    clocks: &'scope Clocks,
    over: &'scope AtomicBool,
) -> Vec<ScopedHand<'scope, ()>> {
    let worker = |name: &'static str, piece: fn(&Client, &Clocks, u64)| {
        let client = client.clone();
        crew.spawn(name, move || {
            for number in 0.. {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                piece(&client, clocks, number);
                thread::sleep(REST);
            }
        })
    };
    vec![
        worker("who publishes", |client, clocks, _| clocks.time("publish", || client.publish(STREAM))),
        worker("who asks for the status", |client, clocks, _| drop(clocks.time("status", || client.get("status")))),
        worker("who lists the streams", |client, clocks, _| drop(clocks.time("list", || client.get("streams")))),
        worker("who makes streams", |client, clocks, number| {
            clocks.time("create", || client.create(&format!("made_{number}")));
        }),
        worker("who shares a computation", |client, clocks, _| {
            client.come_and_go(clocks, "subscribe", "filter(calm, value >= 0)");
        }),
        worker("who starts computations", |client, clocks, number| {
            client.come_and_go(clocks, "start", &format!("filter(calm, value > -{})", number + 1));
        }),
    ]
}
