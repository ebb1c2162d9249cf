//! Requests, messages, and how nodes find each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dag_model::NodeId;
use dag_transport::limits::{MAX_REQUEST, MAX_REQUESTS};
use dag_transport::{Class, Code, DialError, RequestError, Resolve, Resolved, SendError};

use crate::support::{Node, PATIENCE, Town, soon};

async fn ask(from: &Node, to: &Node, request: &'static str) -> Result<Bytes, RequestError> {
    from.to(to).request(request.into(), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_three_nodes_is_answered_by_the_others_as_who_it_is() {
    let town = Town::new();
    let nodes = town.nodes::<3>();
    for one in &nodes {
        for other in nodes.iter().filter(|other| other.id != one.id) {
            let answer = ask(one, other, "who").await.unwrap();
            assert_eq!(answer, format!("{} 1 1", one.id));
            assert_eq!(one.to(other).remote(Class::Control).await.unwrap().node, other.id);
            assert_eq!(one.to(other).remote(Class::Data).await.unwrap().folder, town.identity(other.id.0).folder);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_with_its_code_and_its_text() {
    let [a, b] = Town::new().nodes();
    let RequestError::Refused(refusal) = ask(&a, &b, "refuse").await.unwrap_err() else { panic!("another error") };
    assert_eq!((refusal.code, &*refusal.text), (7, "it is not wanted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_answer_have_a_length() {
    let [a, b] = Town::new().nodes();
    let greatest = Bytes::from(vec![7; MAX_REQUEST]);
    assert_eq!(a.to(&b).request(greatest.clone(), PATIENCE).await.unwrap(), greatest);
    let error = a.to(&b).request(vec![7; MAX_REQUEST + 1].into(), PATIENCE).await.unwrap_err();
    assert_eq!(error.to_string(), "a request of 1048577 bytes: at most 1048576 are taken");
    let error = ask(&a, &b, "large").await.unwrap_err();
    assert_eq!(error.to_string(), "an answer of 1048577 bytes: at most 1048576 are sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_late_is_dropped_at_the_other_node() {
    let [a, b] = Town::new().nodes();
    ask(&a, &b, "who").await.unwrap();
    let error = a.to(&b).request("never".into(), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer of node 2 within 50ms");
    b.heard.dropped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_requests_are_under_way_and_the_next_is_told() {
    let [a, b] = Town::new().nodes();
    let peer = a.to(&b);
    ask(&a, &b, "who").await.unwrap();
    let waiting: Vec<_> = (0..MAX_REQUESTS)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { peer.request("never".into(), PATIENCE * 10).await })
        })
        .collect();
    let error = loop {
        match peer.request("who".into(), Duration::from_millis(100)).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        error.to_string().starts_with("256 requests to node 2, or too many bytes of them, are under way"),
        "{error}"
    );
    for one in waiting {
        one.abort();
    }
    assert!(ask(&a, &b, "who").await.is_ok(), "places are given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_once_and_in_order_however_large() {
    let [a, b] = Town::new().nodes();
    let peer = a.to(&b);
    for class in [Class::Control, Class::Data] {
        for number in 0..1000_u32 {
            peer.send(class, number.to_le_bytes().to_vec().into()).unwrap();
        }
        for number in 0..1000_u32 {
            assert_eq!(b.heard.message().await, (a.id, class, number.to_le_bytes().to_vec().into()));
        }
        let greatest = Bytes::from(vec![9; class.most()]);
        peer.send(class, greatest.clone()).unwrap();
        assert_eq!(b.heard.message().await, (a.id, class, greatest));
        let error = peer.send(class, vec![9; class.most() + 1].into()).unwrap_err();
        assert!(matches!(error, SendError::TooLong { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_speak_the_greatest_version_that_both_know() {
    let town = Town::new();
    let speaking = |node, versions| Node::start(dag_transport::Config { versions, ..town.config(node) });
    let [old, new, newest] = [speaking(1, 1..=2), speaking(2, 2..=3), speaking(3, 3..=3)];
    for (one, other) in [(&old, &new), (&new, &newest), (&newest, &old), (&old, &newest)] {
        one.knows(other);
    }
    assert_eq!(ask(&old, &new, "who").await.unwrap(), "1 1 2");
    assert_eq!(ask(&new, &newest, "who").await.unwrap(), "2 1 3");
    for (one, other) in [(&newest, &old), (&old, &newest)] {
        let RequestError::Down(why) = ask(one, other, "who").await.unwrap_err() else { panic!("another error") };
        let DialError::NotWelcome { closed, .. } = &*why else { panic!("{why}") };
        assert_eq!(closed.code, Some(Code::Version));
        assert!(closed.reason.starts_with("no common version: one end speaks"), "{closed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dials_is_known_to_whom_it_dials() {
    let town = Town::new();
    let [a, b] = [town.node(1), town.node(2)];
    let error = ask(&b, &a, "who").await.unwrap_err();
    assert_eq!(error.to_string(), "no address of node 1 is known");
    a.knows(&b);
    ask(&a, &b, "who").await.unwrap();
    b.heard.up().await;
    assert_eq!(ask(&b, &a, "who").await.unwrap(), "2 1 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_know_one_address_each_find_all_others() {
    let town = Town::new();
    let nodes = [1, 2, 3, 4].map(|node| town.node(node));
    // Each but the last meets the next, by an address without a number.
    for (number, one) in nodes.iter().enumerate().take(3) {
        let met = soon(one.transport.meet(&nodes[number + 1].address())).await.unwrap();
        assert_eq!(met.node, nodes[number + 1].id);
    }
    // What the last has heard goes on with whatever is said next.
    for pair in nodes.windows(2) {
        ask(&pair[0], &pair[1], "who").await.unwrap();
        ask(&pair[1], &pair[0], "who").await.unwrap();
    }
    for one in &nodes {
        for other in nodes.iter().filter(|other| other.id != one.id) {
            soon(async { while ask(one, other, "who").await.is_err() {} }).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_meet_a_node_leaves_its_connections_as_they_are() {
    let [a, b] = Town::new().nodes();
    ask(&a, &b, "who").await.unwrap();
    let former = a.heard.up().await;
    soon(a.transport.meet(&b.address())).await.unwrap();
    ask(&a, &b, "who").await.unwrap();
    let mut events = a.heard.events.lock().await;
    let others = std::iter::from_fn(|| events.try_recv().ok()).filter(|event| format!("{event:?}").contains("Down"));
    assert_eq!(others.count(), 0, "{former:?} is still up");
}

/// Names that lead elsewhere at another time.
#[derive(Default)]
struct Names(Mutex<HashMap<String, std::net::SocketAddr>>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, address: &'a str) -> Resolved<'a> {
        let found = self.0.lock().unwrap().get(address).copied();
        Box::pin(async move { found.map(|found| vec![found]).ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_resolved_at_each_dial() {
    let (town, names) = (Town::new(), Arc::new(Names::default()));
    let named = |boot| dag_transport::Config {
        advertise: Some(dag_transport::Addresses { control: "b:1".to_owned(), data: "b:2".to_owned() }),
        boot,
        ..town.config(2)
    };
    let resolve = |node: &Node| {
        let [control, data] = node.transport.listens_at();
        *names.0.lock().unwrap() = HashMap::from([("b:1".to_owned(), control), ("b:2".to_owned(), data)]);
    };
    let a = Node::start(dag_transport::Config { resolver: names.clone(), ..town.config(1) });
    a.transport.hint(NodeId(2), "b:1");
    let peer = a.transport.peer(NodeId(2));
    let error = peer.request("who".into(), PATIENCE).await.unwrap_err();
    assert!(error.to_string().ends_with("b:1 is not resolved: no such name"), "{error}");

    for boot in [1, 2, 3] {
        let b = Node::start(named(boot));
        resolve(&b);
        for _ in [Class::Control, Class::Data] {
            assert_eq!(a.heard.up().await.0.boot, boot);
        }
        assert!(peer.request("who".into(), PATIENCE).await.is_ok());
        b.transport.stop().await;
        for _ in [Class::Control, Class::Data] {
            let (_, _, closed) = a.heard.down().await;
            assert_eq!((closed.code, &*closed.reason), (Some(Code::Done), "the node stops"));
        }
    }
}
