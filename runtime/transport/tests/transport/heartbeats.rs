//! Bulk never delays a heartbeat.

use bytes::Bytes;
use dag_transport::limits::{MAX_HEARTBEAT, WINDOW};
use dag_transport::{Class, SendError};

use crate::support::{PATIENCE, Town, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_has_a_length() {
    let [a, b] = Town::new().nodes();
    a.to(&b).remote(Class::Control).await.unwrap();
    let greatest = Bytes::from(vec![1; MAX_HEARTBEAT]);
    a.to(&b).heartbeat(greatest.clone()).unwrap();
    assert_eq!(b.heard.heartbeat().await, (a.id, greatest));
    let error = a.to(&b).heartbeat(vec![1; MAX_HEARTBEAT + 1].into()).unwrap_err();
    assert_eq!(error.to_string(), "a heartbeat of 1001 bytes: at most 1000 are taken");
}

/// Data's threads are blocked, all of them, at both nodes: they are one runtime here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_and_requests_pass_while_all_of_datas_threads_are_blocked() {
    let [a, b] = Town::new().nodes();
    for class in [Class::Control, Class::Data] {
        soon(a.to(&b).remote(class)).await.unwrap();
        soon(b.to(&a).remote(class)).await.unwrap();
    }
    a.heard.takes.send_replace(false);
    b.heard.takes.send_replace(false);
    let (to_b, to_a) = (a.to(&b), b.to(&a));
    let mut blocked = Vec::new();
    for peer in [&to_b, &to_a] {
        for _ in 0..4 {
            blocked.push(soon(peer.download("block".into(), WINDOW.0)).await.unwrap());
        }
    }
    // From a thread that is not one of data's.
    let (heard_a, heard_b) = (a.heard, b.heard);
    let checked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for beat in 0..100_u8 {
                for (peer, heard) in [(&to_b, &heard_b), (&to_a, &heard_a)] {
                    peer.heartbeat(vec![beat].into()).unwrap();
                    assert_eq!(heard.heartbeat().await.1, vec![beat]);
                    assert!(peer.request("who".into(), PATIENCE).await.is_ok());
                }
            }
        });
        heard_a.takes.send_replace(true);
        heard_b.takes.send_replace(true);
    });
    // This task needs one of the threads that are blocked until the check is done.
    for mut parts in blocked {
        assert_eq!(soon(parts.next()).await.unwrap(), None);
    }
    checked.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_overtakes_bulk() {
    let [a, b] = Town::new().nodes();
    let mut parts = soon(a.to(&b).download("1000000 100000".into(), WINDOW.1)).await.unwrap();
    soon(a.to(&b).remote(Class::Control)).await.unwrap();
    // By the order of what arrives: how many bytes of bulk come between a heartbeat and its receipt.
    let mut between = Vec::new();
    for beat in 0..200_u8 {
        a.to(&b).heartbeat(vec![beat].into()).unwrap();
        let mut bytes = 0;
        let mut heard = b.heard.heartbeats.lock().await;
        loop {
            let part = tokio::select! {
                biased;
                beaten = heard.recv() => {
                    assert_eq!(beaten.unwrap().1, vec![beat]);
                    break;
                }
                part = parts.next() => part,
            };
            bytes += part.unwrap().map_or(0, |part| part.len());
        }
        between.push(bytes);
    }
    between.sort_unstable();
    let (median, most) = (between[100], between[199]);
    println!("bytes of bulk between a heartbeat and its receipt: median {median}, most {most}");
    assert!(median < WINDOW.1 as usize, "a heartbeat waits behind what is on the way: {between:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hears_that_a_connection_is_up_can_send_at_once() {
    let [a, b] = Town::new().nodes();
    let peer = a.to(&b);
    for _ in [Class::Control, Class::Data] {
        match a.heard.up().await.1 {
            Class::Control => peer.heartbeat("alive".into()).unwrap(),
            Class::Data => peer.send(Class::Data, "new".into()).unwrap(),
        }
    }
    assert_eq!(b.heard.heartbeat().await.1, "alive");
    assert_eq!(b.heard.message().await.2, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_to_nobody_is_told() {
    let town = Town::new();
    let a = town.node(1);
    let nobody = a.transport.peer(dag_model::NodeId(2));
    for class in [Class::Control, Class::Data] {
        soon(nobody.remote(class)).await.unwrap_err();
    }
    let error = nobody.heartbeat(Bytes::new()).unwrap_err();
    assert!(matches!(error, SendError::Down(_)), "{error}");
    assert!(matches!(nobody.send(Class::Data, Bytes::new()), Err(SendError::Down(_))));
}
