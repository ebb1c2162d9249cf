//! The three who trouble the node, until the test ends it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use dag_tests::crew::{Crew, ScopedHand};
use dag_tests::{DEADLINE, Feed, Node, until};

use crate::work::Client;

/// The stream whose disk hangs.
pub const HUNG: &str = "hung";

/// What is computed by the computation whose start does not come to its end.
const SLOW: &str = "count(hung, 1s)";

/// How many publish to the stream whose disk hangs, read it, and want what the slow computation computes.
const EACH: usize = 8;

/// How many ask what the operator that never answers would do.
const ASKING: usize = 600;

/// What there is to trouble the node with.
#[derive(Debug)]
pub struct Trouble {
    orders: PathBuf,
    /// The computation.
    incarnation: String,
}

/// Trouble that lasts.
#[derive(Debug)]
pub struct Troubled<'scope> {
    orders: PathBuf,
    publishers: Vec<ScopedHand<'scope, ()>>,
    subscribers: Vec<ScopedHand<'scope, ()>>,
    asking: Vec<TcpStream>,
}

impl Trouble {
    /// Makes the stream, and a computation that has stopped.
    pub fn prepare(node: &Node, client: &Client, orders: &Path) -> Trouble {
        client.create(HUNG);
        client.publish(HUNG);
        let feed = client.subscribe(SLOW, "earliest");
        let incarnation = feed.header("dag-incarnation").expect("it is computed").to_owned();
        drop(feed);
        node.until_computing(&[], DEADLINE);
        Trouble { orders: orders.to_owned(), incarnation }
    }

    /// Begins all three, and waits until each has begun.
    pub fn begin<'scope>(&self, crew: &Crew<'scope, '_>, client: &Client) -> Troubled<'scope> {
        let Trouble { orders, incarnation } = self;
        // The second stream that was made.
        fs::write(orders, format!("hang sources/2/\nhang derived/{incarnation}/\n")).expect("it is writable");
        let publish = |_| {
            let client = client.clone();
            crew.spawn("who publishes to the hung disk", move || client.publish(HUNG))
        };
        let publishers = (0..EACH).map(publish).collect();
        let subscribe = |_| {
            let (url, position) = (client.url.clone(), format!("{incarnation}:0"));
            crew.spawn("who waits for the slow start", move || {
                let feed = Feed::open(&url, &[("expr", SLOW), ("from", &position)]);
                // Its computation may have been forgotten by the time that it can go on.
                drop(feed.expect("the node answers"));
            })
        };
        let subscribers = (0..EACH).map(subscribe).collect();
        let held = orders.with_extension("held");
        let is_held = |part: &str| fs::read_to_string(&held).is_ok_and(|held| held.contains(part));
        until("the disk hangs", DEADLINE, || is_held("sources/2/").then_some(()));
        until("the start hangs", DEADLINE, || is_held(&format!("derived/{incarnation}/")).then_some(()));
        let asking = (0..ASKING).map(|number| ask(client, number)).collect();
        Troubled { orders: orders.clone(), publishers, subscribers, asking }
    }
}

/// Asks for an explanation, and does not wait for it: half of them ask for the same, and each of the others for something else.
fn ask(client: &Client, number: usize) -> TcpStream {
    let address = client.url.strip_prefix("http://").expect("it is a URL");
    let mut socket = TcpStream::connect(address).expect("the node listens");
    let expression = match number % 2 {
        0 => "opens_never(calm)".to_owned(),
        _ => format!("opens_never(map(calm,*,value%20as%20c{number}))"),
    };
    let head = format!("GET /v1/explain?expr={expression} HTTP/1.1\r\nHost: {address}\r\nDag-Client: tests\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("the node reads");
    socket
}

impl Troubled<'_> {
    /// Whether nobody has been answered yet, but those who are one too many to ask what an operator does not answer.
    pub fn lasts(&self) -> bool {
        let waits = |hand: &ScopedHand<'_, ()>| !hand.is_finished();
        self.publishers.iter().all(waits) && self.subscribers.iter().all(waits)
    }

    /// How many were told that too many ask.
    pub fn refused(&self) -> usize {
        let refused = |socket: &&TcpStream| {
            let mut socket = &**socket;
            socket.set_nonblocking(true).expect("it is a socket");
            let (mut answer, mut part) = (Vec::new(), [0; 4096]);
            let Ok(length @ 1..) = socket.read(&mut part) else { return false };
            answer.extend_from_slice(&part[..length]);
            // What has begun to come comes whole.
            socket.set_nonblocking(false).expect("it is a socket");
            socket.set_read_timeout(Some(DEADLINE)).expect("it is a socket");
            // Half of them ask `map` first, which is too much for that one, too, where the node is quick to take them in.
            let says = ["opens_never", "map"]
                .map(|asked| format!("64 questions wait for operator `{asked}`, which is the limit"));
            let is_said = |answer: &[u8]| {
                let answer = String::from_utf8_lossy(answer);
                says.iter().any(|says| answer.contains(says))
            };
            while !is_said(&answer) {
                let length = socket.read(&mut part).unwrap_or(0);
                assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
                answer.extend_from_slice(&part[..length]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 429"), "{}", String::from_utf8_lossy(&answer));
            true
        };
        self.asking.iter().filter(refused).count()
    }

    /// Ends it: whoever waited for a disk is answered.
    pub fn end(self) {
        fs::write(&self.orders, "").expect("it is writable");
        drop(self.asking);
        self.publishers.into_iter().chain(self.subscribers).for_each(ScopedHand::join);
    }
}
