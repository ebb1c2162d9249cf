//! Nodes of the cluster that do not keep to the rules, and strangers.

use std::net::SocketAddr;

use dag_transport::frame::Kind;
use dag_transport::identity::Credentials;
use dag_transport::limits::{MAX_DATA_MESSAGE, MAX_REQUEST, MAX_REQUESTS, WINDOW};
use dag_transport::{BulkError, Class, Code};
use quinn::{Connection, Endpoint};
use tokio::net::UdpSocket;

use crate::support::{LOOPBACK, Node, PATIENCE, Town, raw, soon};

const CONTROL: &str = "dag-control/1";
const DATA: &str = "dag-data/1";

/// A cluster with a good node, a node that it serves, and the certificate of a bad one.
struct Scene {
    town: Town,
    good: Node,
    other: Node,
    bad: Credentials,
}

impl Scene {
    async fn new() -> Scene {
        let town = Town::new();
        let (good, other, bad) = (town.node(1), town.node(2), town.credentials(3));
        other.knows(&good);
        let scene = Scene { town, good, other, bad };
        scene.serves_on().await;
        scene
    }

    /// The good node does what it did before.
    async fn serves_on(&self) {
        let peer = self.other.to(&self.good);
        assert!(peer.request("who".into(), PATIENCE).await.is_ok());
        let mut parts = soon(peer.download("3 100000".into(), WINDOW.0)).await.unwrap();
        while soon(parts.next()).await.unwrap().is_some() {}
    }

    fn at(&self, class: Class) -> SocketAddr {
        self.good.transport.listens_at()[class as usize]
    }

    async fn dial(&self, class: Class, protocol: &str) -> Result<(Endpoint, Connection), quinn::ConnectionError> {
        raw::dial(self.at(class), 1, self.town.cluster, &self.town.trust(), &self.bad, protocol).await
    }

    /// The bad node, welcomed.
    async fn inside(&self, class: Class) -> (Endpoint, Connection) {
        let protocol = if class == Class::Control { CONTROL } else { DATA };
        let (endpoint, connection) = self.dial(class, protocol).await.unwrap();
        raw::greet(&connection, 1).await;
        (endpoint, connection)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_refused() {
    let scene = Scene::new().await;
    for (class, protocol) in [(Class::Control, "h3"), (Class::Control, DATA), (Class::Data, CONTROL)] {
        let error = scene.dial(class, protocol).await.err().unwrap();
        assert!(error.to_string().contains("error 120"), "no_application_protocol: {error}");
    }
    scene.serves_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_packet_or_no_hello_goes_by() {
    let scene = Scene::new().await;
    let stranger = UdpSocket::bind(LOOPBACK).await.unwrap();
    for class in [Class::Control, Class::Data] {
        for length in (1..1400).step_by(7) {
            let bytes: Vec<u8> = (0..length).map(|byte: usize| (byte * 31 + length) as u8).collect();
            stranger.send_to(&bytes, scene.at(class)).await.unwrap();
        }
    }
    // Nothing is said, half a hello, something else.
    let silent = scene.dial(Class::Control, CONTROL).await.unwrap();
    let half = scene.dial(Class::Control, CONTROL).await.unwrap();
    let (mut out, _back) = half.1.open_bi().await.unwrap();
    out.write_all(&[100, 0, 0, 0, Kind::Hello as u8, 1]).await.unwrap();
    scene.serves_on().await;
    for (_endpoint, connection) in [silent, half] {
        soon(connection.closed()).await;
    }
    let hello = raw::hello(1);
    let backward = dag_transport::Hello { versions: (3, 2), ..hello.clone() };
    let nowhere = dag_transport::Addresses { control: "nowhere".to_owned(), data: "nowhere".to_owned() };
    let nowhere = dag_transport::Hello { own: nowhere, ..hello.clone() };
    for (payload, reason) in [
        (b"\xff\xff\xff\xff".to_vec(), "a hello that cannot be read"),
        (backward.encode().to_vec(), "a hello that speaks the versions 3 to 2"),
        (nowhere.encode().to_vec(), "a hello with an address of 7 bytes"),
    ] {
        let (_endpoint, connection) = scene.dial(Class::Control, CONTROL).await.unwrap();
        let (mut out, _back) = connection.open_bi().await.unwrap();
        raw::send(&mut out, Kind::Hello, &payload).await.unwrap();
        let (code, said) = raw::closed(&connection).await;
        assert_eq!(code, Code::Misbehaved as u64);
        assert!(said.starts_with(reason), "{said}");
    }
    scene.serves_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_beyond_the_limit_closes_the_connection_before_anything_comes() {
    let scene = Scene::new().await;
    let too_long = |most: usize| u32::try_from(most + 1).unwrap().to_le_bytes();
    for (class, kind, most) in [
        (Class::Control, Kind::Request, MAX_REQUEST),
        (Class::Control, Kind::Message, Class::Control.most()),
        (Class::Data, Kind::Message, MAX_DATA_MESSAGE),
        (Class::Data, Kind::Upload, dag_transport::limits::MAX_BULK_HEAD),
    ] {
        let (_endpoint, connection) = scene.inside(class).await;
        let mut head = too_long(most).to_vec();
        head.push(kind as u8);
        let mut stream = if kind == Kind::Message {
            connection.open_uni().await.unwrap()
        } else {
            connection.open_bi().await.unwrap().0
        };
        stream.write_all(&head).await.unwrap();
        let reason = format!("a frame of kind {} with {} bytes: at most {most} are taken here", kind as u8, most + 1);
        assert_eq!(raw::closed(&connection).await, (Code::Misbehaved as u64, reason));
    }
    // And a kind that has no place there.
    let (_endpoint, connection) = scene.inside(Class::Control).await;
    let (mut stream, _back) = connection.open_bi().await.unwrap();
    raw::send(&mut stream, Kind::Download, b"").await.unwrap();
    assert_eq!(raw::closed(&connection).await.1, "a frame of kind 7, which has no place here");
    scene.serves_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_is_too_long_closes_the_connection() {
    let scene = Scene::new().await;
    let (_endpoint, connection) = scene.inside(Class::Control).await;
    connection.send_datagram(vec![0; 1001].into()).unwrap();
    let (_, reason) = raw::closed(&connection).await;
    assert_eq!(reason, "a frame of kind 0 with 1001 bytes: at most 1000 are taken here");
    let (_endpoint, connection) = scene.inside(Class::Data).await;
    assert!(connection.send_datagram(vec![0; 10].into()).is_err(), "there are none on data");
    scene.serves_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_never_ends_is_given_up() {
    let scene = Scene::new().await;
    let (_endpoint, connection) = scene.inside(Class::Data).await;
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(&[0, 0, 0, 4, Kind::Message as u8, 1, 2, 3]).await.unwrap();
    scene.serves_on().await;
    assert_eq!(raw::closed(&connection).await.1, "nothing came for 5s within a frame");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_streams_and_those_that_say_nothing_are_given_up() {
    let scene = Scene::new().await;
    let (_endpoint, connection) = scene.inside(Class::Control).await;
    let mut streams = Vec::new();
    for _ in 0..MAX_REQUESTS {
        let (mut out, back) = soon(connection.open_bi()).await.unwrap();
        // It has begun, and says no more.
        out.write_all(&[9]).await.unwrap();
        streams.push((out, back));
    }
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), connection.open_bi()).await;
    assert!(more.is_err(), "another stream than these has no place");
    scene.serves_on().await;
    for (_, back) in &mut streams {
        assert!(
            soon(back.read_chunk(1, true)).await.is_ok_and(|chunk| chunk.is_none()),
            "it is ended without an answer"
        );
    }
    drop(streams);
    let (mut out, mut back) = soon(connection.open_bi()).await.unwrap();
    raw::send(&mut out, Kind::Request, b"who").await.unwrap();
    let answer = soon(back.read_to_end(100)).await.unwrap();
    assert_eq!(&answer[5..], b"3 1 1", "there is place again");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_downloads_that_nobody_reads_hold_back_no_other_node() {
    let scene = Scene::new().await;
    let (_endpoint, connection) = scene.inside(Class::Data).await;
    let mut streams = Vec::new();
    for _ in 0..4000 {
        let (mut out, back) = soon(connection.open_bi()).await.unwrap();
        let head = [&WINDOW.1.to_le_bytes()[..], b"1000 100000"].concat();
        raw::send(&mut out, Kind::Download, &head).await.unwrap();
        streams.push((out, back));
    }
    scene.serves_on().await;
    connection.close(0_u32.into(), b"");
    scene.serves_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_more_than_there_is_credit_for_is_given_up() {
    let scene = Scene::new().await;
    let town = &scene.town;
    let [control, data] = [CONTROL, DATA].map(|protocol| raw::listen(&town.trust(), &scene.bad, protocol));
    let own = dag_transport::Addresses {
        control: control.local_addr().unwrap().to_string(),
        data: data.local_addr().unwrap().to_string(),
    };
    let id = dag_model::NodeId(3);
    scene.good.transport.hint(id, &own.control);
    let peer = scene.good.transport.peer(id);
    let welcome = dag_transport::Welcome { version: 1, boot: 1, own, known: Vec::new() }.encode();
    let mut connections = Vec::new();
    for endpoint in [&control, &data] {
        let connection = soon(endpoint.accept()).await.unwrap().await.unwrap();
        let (mut out, _hello) = connection.accept_bi().await.unwrap();
        raw::send(&mut out, Kind::Welcome, &welcome).await.unwrap();
        connections.push(connection);
    }
    let mut parts = soon(peer.download("anything".into(), WINDOW.0)).await.unwrap();
    let (mut out, _back) = soon(connections[1].accept_bi()).await.unwrap();
    let sender = tokio::spawn(async move { while raw::send(&mut out, Kind::Part, &[0; 1000]).await.is_ok() {} });
    // Read as slowly as it may be: what comes at once is more than the window.
    let error = loop {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        match soon(parts.next()).await {
            Ok(part) => assert!(part.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BulkError::Broken(dag_transport::Broken::Credit { .. })), "{error}");
    drop(parts);
    soon(sender).await.unwrap();
    // Credit without end breaks an upload off, too.
    let mut upload = soon(peer.upload("anything".into())).await.unwrap();
    let (mut out, mut parts) = soon(connections[1].accept_bi()).await.unwrap();
    for _ in 0..100 {
        raw::send(&mut out, Kind::Credit, &u32::MAX.to_le_bytes()).await.unwrap();
    }
    let error = soon(upload.send(vec![0; 10].into())).await.unwrap_err();
    assert!(matches!(error, BulkError::Broken(dag_transport::Broken::Credit { .. })), "{error}");
    drop(upload);
    let _ = parts.read_to_end(1 << 20).await;
    scene.serves_on().await;
}
