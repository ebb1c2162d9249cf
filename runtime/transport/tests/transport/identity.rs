//! Who is believed, at the handshake and afterwards.

use std::time::{Duration, SystemTime};

use dag_model::NodeId;
use dag_transport::identity::{
    Authority, AuthorityError, ClusterId, Credentials, Fingerprint, Identity, Key, Trust, Untrusted,
};
use dag_transport::{Class, Code, Config, DialError, RequestError};

use crate::support::{Node, PATIENCE, Town, soon};

const HOUR: Duration = Duration::from_secs(3600);

/// Why a node is not reached.
async fn why(from: &Node, to: &Node) -> DialError {
    match from.to(to).request("who".into(), PATIENCE).await.unwrap_err() {
        RequestError::Down(why) => DialError::clone(&why),
        other => panic!("another error: {other}"),
    }
}

async fn reaches(from: &Node, to: &Node) {
    let peer = from.to(to);
    soon(async { while peer.request("who".into(), PATIENCE).await.is_err() {} }).await;
}

#[test]
fn a_certificate_says_whose_it_is_to_whoever_has_the_key() {
    let (town, now) = (Town::new(), SystemTime::now());
    let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    let request = key.request().unwrap();
    let sign = |request: &[u8]| town.authority.sign(request, &town.identity(7), now, HOUR);
    let certificate = sign(&request).unwrap();
    assert_eq!(Identity::of(&certificate), Ok(town.identity(7)));
    assert_eq!(town.trust().judge(std::slice::from_ref(&certificate), now), Ok(town.identity(7)));
    // Who has no key gets none, and neither does who asks in another way.
    let borrowed = [&request[..33], &other.request().unwrap()[33..]].concat();
    assert!(matches!(sign(&borrowed), Err(AuthorityError::NotSigned)));
    assert!(matches!(sign(&request[..96]), Err(AuthorityError::NotSigned)));
    assert!(matches!(sign(&[&[2], &request[1..]].concat()), Err(AuthorityError::NotARequest)));
    assert!(matches!(sign(b"no request"), Err(AuthorityError::NotARequest)));
}

/// A name that ends in a number is none in DNS.
#[test]
fn a_cluster_whose_identity_looks_like_a_number_has_names() {
    let (cluster, now) = (ClusterId(7), SystemTime::now());
    let town = Town { cluster, authority: Authority::new(cluster, now).unwrap() };
    let certificate = town.credentials(1).certificate;
    assert_eq!(town.trust().judge(&[certificate], now), Ok(town.identity(1)));
}

#[test]
fn what_is_believed_depends_on_authority_time_and_revocation() {
    let (town, other, now) = (Town::new(), Town::new(), SystemTime::now());
    let own = town.credentials_for(1, now, HOUR);
    let chain = [own.certificate.clone()];
    let trust = town.trust();
    let judge = |trust: &Trust, now| trust.judge(&chain, now);
    assert!(judge(&trust, now).is_ok());
    assert!(judge(&trust, now - HOUR / 2).is_ok(), "clocks differ");
    assert!(matches!(judge(&trust, now - 2 * HOUR), Err(Untrusted::Invalid(_))));
    assert!(matches!(judge(&trust, now + 2 * HOUR), Err(Untrusted::Invalid(_))));
    assert!(matches!(judge(&other.trust(), now), Err(Untrusted::OtherCluster(..))));
    let impostor = Authority::new(town.cluster, now).unwrap();
    assert!(matches!(
        judge(&Trust::in_authority(town.cluster, impostor.certificate().clone()), now),
        Err(Untrusted::Invalid(_))
    ));
    let removed = Trust { removed: [NodeId(1)].into(), ..trust.clone() };
    assert_eq!(judge(&removed, now), Err(Untrusted::Removed(NodeId(1))));
    let fingerprint = Fingerprint::of(&own.certificate);
    let revoked = Trust { revoked: [fingerprint].into(), ..trust.clone() };
    assert_eq!(judge(&revoked, now), Err(Untrusted::Revoked(fingerprint, NodeId(1))));
    assert_eq!(trust.judge(&[], now), Err(Untrusted::None));
}

#[test]
fn an_authority_and_a_key_are_kept_and_opened() {
    let (town, now) = (Town::new(), SystemTime::now());
    let key = Key::from_pkcs8(&town.authority.to_pkcs8()).unwrap();
    let kept = Authority::open(town.cluster, town.authority.certificate(), key).unwrap();
    let own = Key::generate().unwrap();
    let own = Key::from_pkcs8(&own.to_pkcs8()).unwrap();
    let certificate = kept.sign(&own.request().unwrap(), &town.identity(3), now, HOUR).unwrap();
    assert!(town.trust().judge(&[certificate], now).is_ok());
    let other = Town::new();
    let error = kept.sign(&own.request().unwrap(), &other.identity(3), now, HOUR).unwrap_err();
    assert!(error.to_string().starts_with("this authority is of the cluster"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_is_refused_by_whom_it_dials_and_by_who_dials_it() {
    let [a, b] = [Town::new().node(1), Town::new().node(2)];
    a.knows(&b);
    b.knows(&a);
    for (one, other) in [(&a, &b), (&b, &a)] {
        let error = why(one, other).await.to_string();
        assert!(error.contains("is not reached") && error.contains("UnknownIssuer"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_believes_but_is_not_believed_is_told_why() {
    let town = Town::new();
    let b = town.node(2);
    // Its own certificate is of another authority, and it would believe both.
    let impostor = Authority::new(town.cluster, SystemTime::now()).unwrap();
    let key = Key::generate().unwrap();
    let certificate = impostor.sign(&key.request().unwrap(), &town.identity(1), SystemTime::now(), HOUR).unwrap();
    let mut trust = town.trust();
    trust.authorities.push(impostor.certificate().clone());
    let a = Node::start(Config { credentials: Credentials { certificate, key: key.into() }, trust, ..town.config(1) });
    a.knows(&b);
    let error = why(&a, &b).await.to_string();
    assert!(error.ends_with("this node's certificate was not signed by the authority that it names"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_starts_no_node_and_opens_no_connection() {
    let town = Town::new();
    let now = SystemTime::now();
    let expired = town.credentials_for(1, now - 3 * HOUR, HOUR);
    let started = dag_transport::Transport::start(
        Config { credentials: expired.clone(), ..town.config(1) },
        crate::support::Inn::new().0,
    );
    let error = started.err().unwrap().to_string();
    assert!(error.starts_with("this node's own certificate: the certificate is not valid"), "{error}");
    // A node that shows one later all the same.
    let (a, b) = (town.node(1), town.node(2));
    a.transport.renew(expired).unwrap();
    a.knows(&b);
    b.knows(&a);
    let error = why(&a, &b).await.to_string();
    assert!(error.contains("it says that this node's certificate is expired"), "{error}");
    let error = why(&b, &a).await.to_string();
    assert!(error.contains("certificate expired"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_closed_when_the_certificate_expires() {
    let town = Town::new();
    let credentials = town.credentials_for(1, SystemTime::now(), Duration::from_secs(4));
    let (a, b) = (Node::start(Config { credentials, ..town.config(1) }), town.node(2));
    a.knows(&b);
    reaches(&a, &b).await;
    for _ in [Class::Control, Class::Data] {
        a.heard.up().await;
    }
    for _ in [Class::Control, Class::Data] {
        let (_, _, closed) = a.heard.down().await;
        assert_eq!(closed.code, Some(Code::Untrusted), "{closed}");
        assert!(closed.reason.contains("expired"), "{closed}");
    }
    // With another one it is welcome again.
    a.transport.renew(town.credentials(1)).unwrap();
    reaches(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_closed_when_its_node_is_removed_and_it_does_not_come_back() {
    let town = Town::new();
    let [a, b, c] = town.nodes();
    for (one, other) in [(&a, &b), (&b, &a), (&c, &b)] {
        reaches(one, other).await;
        for class in [Class::Control, Class::Data] {
            soon(one.to(other).remote(class)).await.unwrap();
        }
    }
    b.transport.trust(Trust { removed: [NodeId(1)].into(), ..town.trust() }).unwrap();
    for one in [&a, &b] {
        for _ in [Class::Control, Class::Data] {
            let (_, _, closed) = one.heard.down().await;
            assert_eq!((closed.code, &*closed.reason), (Some(Code::Untrusted), "node 1 is removed from the cluster"));
        }
    }
    let error = soon(async {
        loop {
            // Until it has dialled again.
            if let error @ DialError::NotWelcome { .. } = why(&a, &b).await {
                break error;
            }
        }
    });
    let error = error.await.to_string();
    assert!(error.ends_with("does not welcome this node: node 1 is removed from the cluster"), "{error}");
    soon(async { while !matches!(why(&b, &a).await, DialError::Untrusted(Untrusted::Removed(_))) {} }).await;
    reaches(&c, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_revoked_is_closed_and_another_of_the_same_node_is_taken() {
    let town = Town::new();
    let credentials = town.credentials(1);
    let fingerprint = Fingerprint::of(&credentials.certificate);
    let (a, b) = (Node::start(Config { credentials, ..town.config(1) }), town.node(2));
    a.knows(&b);
    reaches(&a, &b).await;
    b.transport.trust(Trust { revoked: [fingerprint].into(), ..town.trust() }).unwrap();
    let (_, _, closed) = a.heard.down().await;
    assert!(closed.reason.ends_with("of node 1 is revoked"), "{closed}");
    a.transport.renew(town.credentials(1)).unwrap();
    reaches(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_follows_another() {
    let town = Town::new();
    let [a, b] = town.nodes();
    reaches(&a, &b).await;
    let next = Town { cluster: town.cluster, authority: Authority::new(town.cluster, SystemTime::now()).unwrap() };
    let both = Trust { authorities: [town.trust().authorities, next.trust().authorities].concat(), ..town.trust() };
    for (number, node) in [(1, &a), (2, &b)] {
        node.transport.trust(both.clone()).unwrap();
        node.transport.renew(next.credentials(number)).unwrap();
    }
    reaches(&a, &b).await;
    // What was opened with a certificate of the former authority is closed when that is not believed any more.
    for node in [&a, &b] {
        node.transport.trust(next.trust()).unwrap();
    }
    assert_eq!(a.heard.down().await.2.code, Some(Code::Untrusted));
    reaches(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_for_another_node_is_not_taken_for_it() {
    let town = Town::new();
    let [a, b] = [town.node(1), town.node(3)];
    a.transport.hint(NodeId(2), &b.address());
    let error = a.transport.peer(NodeId(2)).request("who".into(), PATIENCE).await.unwrap_err().to_string();
    assert!(error.contains(&town.cluster.node(NodeId(2))) && error.contains("not valid for name"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_over_is_refused_once_a_later_one_was_here() {
    let town = Town::new();
    let b = town.node(2);
    let started = |boot| Node::start(Config { boot, ..town.config(1) });
    let (former, later) = (started(1), started(2));
    for node in [&former, &later] {
        node.knows(&b);
        reaches(node, &b).await;
    }
    let (_, _, closed) = former.heard.down().await;
    assert_eq!(closed.code, Some(Code::Replaced), "{closed}");
    let error = soon(async {
        loop {
            if let DialError::NotWelcome { closed, .. } = why(&former, &b).await {
                break closed;
            }
        }
    });
    let closed = error.await;
    assert_eq!(closed.code, Some(Code::OldBoot));
    assert_eq!(closed.reason, "this is start 1 of node 1, and its start 2 was here before");
    reaches(&later, &b).await;
}
