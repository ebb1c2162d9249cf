//! What other nodes send, and the certificates that they show.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::NodeId;
use dag_transport::frame::{Allowed, Decoder, Frame, HEAD, Kind};
use dag_transport::identity::{Authority, ClusterId, FolderId, Identity, Key, Trust};
use dag_transport::{Addresses, Hello, Refusal, Welcome};
use proptest::collection::vec;
use proptest::prelude::*;

const ALLOWED: Allowed = &[(Kind::Part, 1 << 20), (Kind::Refused, 1026), (Kind::End, 0)];

/// A cluster, a certificate of its node 5, a request for one.
static TOWN: LazyLock<(Trust, Vec<u8>, Authority, Vec<u8>)> = LazyLock::new(|| {
    let (cluster, now) = (ClusterId(7), SystemTime::now());
    let authority = Authority::new(cluster, now).unwrap();
    let request = Key::generate().unwrap().request().unwrap().to_vec();
    let certificate = authority.sign(&request, &identity(cluster), now, Duration::from_secs(3600)).unwrap();
    let trust = Trust::in_authority(cluster, authority.certificate().clone());
    (trust, certificate.to_vec(), authority, request)
});

fn identity(cluster: ClusterId) -> Identity {
    Identity { cluster, node: NodeId(5), folder: FolderId(9) }
}

fn good_hello() -> Hello {
    let at = |name: &str| Addresses { control: format!("{name}:4401"), data: format!("{name}:4402") };
    let known = (0..5).map(|node| (NodeId(node), at("other.example"))).collect();
    Hello { versions: (1, 3), boot: 77, own: at("own.example"), known, passing: false }
}

#[test]
fn no_frames_do_more_than_they_say() {
    let frames = [(Kind::Part, 3000), (Kind::Part, 0), (Kind::Refused, 100), (Kind::End, 0)];
    let good = frames.map(|(kind, length)| {
        let frame = Frame { kind, payload: vec![5; length].into() };
        [&frame.head()[..], &frame.payload].concat()
    });
    let good = good.concat();
    fuzz((mutations(), vec(1..5000_usize, 1..10)), |(mutations, cuts)| {
        let (mut bytes, mut taken) = (Bytes::from(mutated(&good, &mutations)), 0);
        let (all, mut decoder) = (bytes.len(), Decoder::new(ALLOWED));
        for cut in cuts.iter().cycle() {
            let mut piece = bytes.split_to(bytes.len().min(*cut));
            loop {
                match decoder.take(&mut piece) {
                    Ok(Some(frame)) => {
                        let (_, most) = ALLOWED.iter().find(|(kind, _)| *kind == frame.kind).expect("it is allowed");
                        assert!(frame.payload.len() <= *most);
                        taken += HEAD + frame.payload.len();
                    }
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            assert!(taken <= all && piece.is_empty());
            if bytes.is_empty() {
                return;
            }
        }
    });
}

#[test]
fn no_hello_does_more_than_it_says() {
    let good = good_hello();
    assert!(Hello::decode(&good.encode()).is_ok());
    let welcome = Welcome { version: 1, boot: good.boot, own: good.own.clone(), known: good.known.clone() };
    assert!(Welcome::decode(&welcome.encode()).is_ok());
    fuzz(mutations(), |mutations| {
        if let Ok(hello) = Hello::decode(&mutated(&good.encode(), &mutations)) {
            assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        }
        if let Ok(other) = Welcome::decode(&mutated(&welcome.encode(), &mutations)) {
            assert_eq!(Welcome::decode(&other.encode()), Ok(other));
        }
    });
}

#[test]
fn no_bytes_are_a_hello_or_a_refusal_by_chance() {
    fuzz(any::<Vec<u8>>(), |bytes| {
        if let Ok(hello) = Hello::decode(&bytes) {
            assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        }
        if let Some(refusal) = Refusal::decode(&bytes) {
            assert_eq!(Refusal::decode(&refusal.encode()), Some(refusal));
        }
    });
}

#[test]
fn no_certificate_that_was_changed_is_believed() {
    let (trust, good, ..) = &*TOWN;
    let judge = |bytes: Vec<u8>| trust.judge(&[bytes.into()], SystemTime::now());
    assert_eq!(judge(good.clone()).unwrap(), identity(trust.cluster));
    fuzz(mutations(), |mutations| {
        let bytes = mutated(good, &mutations);
        let _ = Identity::of(&bytes.clone().into());
        if let Ok(said) = judge(bytes.clone()) {
            assert!(bytes == *good, "{said:?}");
        }
    });
}

#[test]
fn no_request_for_a_certificate_gives_it_another_name() {
    let (trust, _, authority, good) = &*TOWN;
    fuzz(mutations(), |mutations| {
        let (request, whose) = (mutated(good, &mutations), identity(trust.cluster));
        if let Ok(certificate) = authority.sign(&request, &whose, SystemTime::now(), Duration::from_secs(3600)) {
            assert_eq!(Identity::of(&certificate), Ok(whose));
        }
    });
}
