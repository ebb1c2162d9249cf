//! What goes between nodes, against plain TCP on loopback: what encryption, and packets made by a process, cost.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dag_benches::comparison::Comparison;
use dag_model::NodeId;
use dag_transport::identity::{Authority, ClusterId, Credentials, FolderId, Identity, Key, NODE_VALIDITY, Trust};
use dag_transport::{
    Class, Config, Event, Peer, Receiver, Refusal, Remote, ResetKey, Sender, Service, SystemResolver, Transport,
};
use tokio::runtime::Runtime;

/// Bytes that are copied.
const BYTES: usize = 256 << 20;

/// How many of them at once.
const PART: usize = 64 << 10;

/// Requests, one after the other.
const REQUESTS: usize = 5000;

/// Bytes of a request, and of its answer.
const REQUEST: usize = 100;

/// What a download may hold unread.
const WINDOW: u32 = 8 << 20;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn main() {
    let runtime = Runtime::new().expect("threads");
    let _entered = runtime.enter();
    let [a, b] = nodes();
    a.hint(NodeId(2), &b.listens_at()[0].to_string());
    let peer = a.peer(NodeId(2));
    runtime.block_on(peer.remote(Class::Data)).expect("it is reached");

    println!("\na record is a KiB here");
    Comparison::new("Bytes from one node to another", (BYTES / 1024) as u64)
        .way("TCP, two threads", tcp_copy)
        .way("one download", || runtime.block_on(download(&peer, BYTES)))
        .way("four downloads", || {
            runtime.block_on(async {
                let quarter = || download(&peer, BYTES / 4);
                tokio::join!(quarter(), quarter(), quarter(), quarter());
            });
        })
        .print();

    println!("\na record is a request here");
    Comparison::new("Requests of 100 bytes, one after the other", REQUESTS as u64)
        .way("TCP, two threads", tcp_requests)
        .way("requests on control", || {
            runtime.block_on(async {
                let request = Bytes::from(vec![1; REQUEST]);
                for _ in 0..REQUESTS {
                    peer.request(request.clone(), Duration::from_secs(10)).await.expect("it is answered");
                }
            });
        })
        .print();
}

/// Sends parts, and answers with what was asked.
struct Echo;

impl Service for Echo {
    fn heartbeat(&self, _: &Remote, _: Bytes) {}

    async fn message(&self, _: &Remote, _: Class, _: Bytes) {}

    async fn request(&self, _: &Remote, request: Bytes) -> Result<Bytes, Refusal> {
        Ok(request)
    }

    async fn download(&self, _: &Remote, head: Bytes, parts: &mut Sender) -> Result<(), Refusal> {
        let bytes: usize = std::str::from_utf8(&head).ok().and_then(|text| text.parse().ok()).expect("it is a number");
        let part = Bytes::from(vec![7; PART]);
        for _ in 0..bytes / PART {
            if parts.send(part.clone()).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn upload(&self, _: &Remote, _: Bytes, _: &mut Receiver) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn event(&self, _: Event) {}
}

fn nodes() -> [Transport; 2] {
    let (cluster, now) = (ClusterId::random(), SystemTime::now());
    let authority = Authority::new(cluster, now).expect("a key");
    [1, 2].map(|node| {
        let key = Key::generate().expect("a key");
        let identity = Identity { cluster, node: NodeId(node), folder: FolderId::random() };
        let request = key.request().expect("a request");
        let certificate = authority.sign(&request, &identity, now, NODE_VALIDITY).expect("a certificate");
        let config = Config {
            listen: [LOOPBACK; 2],
            advertise: None,
            credentials: Credentials { certificate, key: Arc::new(key) },
            trust: Trust::in_authority(cluster, authority.certificate().clone()),
            reset_key: ResetKey([1; 32]),
            boot: 1,
            versions: 1..=1,
            resolver: Arc::new(SystemResolver),
        };
        Transport::start(config, Echo).expect("it starts")
    })
}

async fn download(peer: &Peer, bytes: usize) {
    let mut parts = peer.download(bytes.to_string().into(), WINDOW).await.expect("it begins");
    let mut came = 0;
    while let Some(part) = parts.next().await.expect("it goes on") {
        came += part.len();
    }
    assert_eq!(came, bytes);
}

fn connected() -> [TcpStream; 2] {
    let listener = TcpListener::bind(LOOPBACK).expect("a port");
    let one = TcpStream::connect(listener.local_addr().expect("a port")).expect("a connection");
    let (other, _) = listener.accept().expect("a connection");
    for end in [&one, &other] {
        end.set_nodelay(true).expect("an option");
    }
    [one, other]
}

fn tcp_copy() {
    let [mut from, mut to] = connected();
    let writer = thread::spawn(move || {
        let part = vec![7; PART];
        for _ in 0..BYTES / PART {
            from.write_all(&part).expect("it is written");
        }
    });
    let (mut part, mut came) = (vec![0; PART], 0);
    loop {
        match to.read(&mut part).expect("it is read") {
            0 => break,
            bytes => came += bytes,
        }
    }
    assert_eq!(came, BYTES);
    writer.join().expect("it has written all");
}

fn tcp_requests() {
    let [mut from, mut to] = connected();
    let answering = thread::spawn(move || {
        let mut request = [0; REQUEST];
        while to.read_exact(&mut request).is_ok() {
            to.write_all(&request).expect("it is answered");
        }
    });
    let mut request = [1; REQUEST];
    for _ in 0..REQUESTS {
        from.write_all(&request).expect("it is asked");
        from.read_exact(&mut request).expect("it is answered");
    }
    drop(from);
    answering.join().expect("it has answered all");
}
