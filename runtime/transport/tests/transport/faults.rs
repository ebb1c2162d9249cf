//! Networks that lose, delay and reorder, and nodes that are killed.

use std::sync::atomic::Ordering::Relaxed;

use dag_model::NodeId;
use dag_transport::{Addresses, BulkError, Class, Config, Event};

use crate::support::inn::part;
use crate::support::proxy::{Proxy, Way};
use crate::support::{LOOPBACK, Node, PATIENCE, Town, child, soon};

/// Two nodes; the second is dialled through proxies, of control and of data.
async fn through_proxies() -> ([Node; 2], [Proxy; 2]) {
    let town = Town::new();
    let proxies = [Proxy::new().await, Proxy::new().await];
    let [control, data] = proxies.each_ref().map(|proxy| proxy.address.to_string());
    let b = Node::start(Config { advertise: Some(Addresses { control: control.clone(), data }), ..town.config(2) });
    for (proxy, target) in proxies.iter().zip(b.transport.listens_at()) {
        proxy.lead_to(target);
    }
    let a = town.node(1);
    a.transport.hint(b.id, &control);
    ([a, b], proxies)
}

fn ways(proxies: &[Proxy; 2]) -> impl Iterator<Item = &Way> {
    proxies.iter().flat_map(|proxy| [&*proxy.there, &*proxy.back])
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_comes_once_and_in_order() {
    let ([a, b], proxies) = through_proxies().await;
    for way in ways(&proxies) {
        way.lost.store(50, Relaxed);
        way.delay.store(10, Relaxed);
    }
    let peer = a.transport.peer(b.id);
    // A node that is reached has its packets lost as well, but not its dials for ever.
    soon(async { while peer.remote(Class::Data).await.is_err() {} }).await;
    let mut parts = soon(peer.download("40 20000".into(), 1 << 20)).await.unwrap();
    for number in 0..100_u32 {
        for class in [Class::Control, Class::Data] {
            peer.send(class, number.to_le_bytes().to_vec().into()).unwrap();
        }
    }
    for number in 0..20 {
        let request = format!("request {number}");
        assert_eq!(peer.request(request.clone().into(), PATIENCE).await.unwrap(), request);
    }
    for number in 0..40 {
        assert_eq!(soon(parts.next()).await.unwrap(), Some(part(number, 20000)));
    }
    assert_eq!(soon(parts.next()).await.unwrap(), None);
    let mut next = [0_u32; 2];
    for _ in 0..200 {
        let (_, class, message) = b.heard.message().await;
        assert_eq!(message, next[class as usize].to_le_bytes().to_vec());
        next[class as usize] += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_leads_in_one_direction_is_seen_by_both_and_healed() {
    let ([a, b], proxies) = through_proxies().await;
    let peer = a.transport.peer(b.id);
    for there in [true, false] {
        soon(async { while peer.remote(Class::Control).await.is_err() {} }).await;
        for class in [Class::Control, Class::Data] {
            soon(async { while peer.remote(class).await.is_err() {} }).await;
        }
        for proxy in &proxies {
            let way = if there { &proxy.there } else { &proxy.back };
            way.lost.store(1000, Relaxed);
        }
        for _ in [Class::Control, Class::Data] {
            let (node, _, closed) = a.heard.down().await;
            assert_eq!((node, &*closed.reason), (b.id, "nothing comes from it any more"));
        }
        // Refused with a reason, and never left hanging.
        let error = peer.request("who".into(), PATIENCE).await.unwrap_err();
        println!("{error}");
        for way in ways(&proxies) {
            way.lost.store(0, Relaxed);
        }
    }
    soon(async { while peer.request("who".into(), PATIENCE).await.is_err() {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nobody_is_is_named() {
    let ([a, b], proxies) = through_proxies().await;
    for way in ways(&proxies) {
        way.lost.store(1000, Relaxed);
    }
    let error = a.transport.peer(b.id).request("who".into(), PATIENCE).await.unwrap_err().to_string();
    assert!(error.contains(&format!("UDP to {} gets no answer within 3s", proxies[0].address)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_breaks_off_what_it_sent_and_is_found_again_at_once() {
    let (town, folder) = (Town::new(), tempfile::tempdir().unwrap());
    let a = town.node(1);
    let elsewhere = child::start(&town, 2, 1, folder.path(), [LOOPBACK; 2]);
    let at = [elsewhere.control, elsewhere.data];
    let id = NodeId(2);
    a.transport.hint(id, &elsewhere.control.to_string());
    let peer = a.transport.peer(id);
    let mut parts = soon(peer.download("1000000 1000".into(), 1 << 20)).await.unwrap();
    assert_eq!(soon(parts.next()).await.unwrap(), Some(part(0, 1000)));
    let unanswered = tokio::spawn({
        let peer = peer.clone();
        async move { peer.request("never".into(), PATIENCE).await }
    });
    for _ in [Class::Control, Class::Data] {
        assert_eq!(a.heard.up().await.0.boot, 1);
    }
    elsewhere.kill();
    let again = child::start(&town, 2, 2, folder.path(), at);
    let (mut down, mut up) = (Vec::new(), Vec::new());
    while down.len() < 2 || up.len() < 2 {
        match a.heard.event().await {
            // By the reset of the process that is there now: the one that is killed says nothing.
            Event::Down(_, class, closed) => down.push((class, closed.reason)),
            Event::Up(remote, class) => up.push((class, remote.boot)),
        }
    }
    assert!(down.iter().all(|(_, reason)| reason == "it was started again"), "{down:?}");
    assert!(up.iter().all(|(_, boot)| *boot == 2), "{up:?}");
    let mut outcome = soon(parts.next()).await;
    while let Ok(Some(_)) = outcome {
        outcome = soon(parts.next()).await;
    }
    assert!(matches!(outcome, Err(BulkError::Broken(_))), "{outcome:?}");
    assert!(soon(unanswered).await.unwrap().is_err());
    assert_eq!(peer.request("who".into(), PATIENCE).await.unwrap(), "1 1 1");
    drop(again);
}
