//! Bytes on the wire: whatever pieces they come in, and as the first version wrote them.

use bytes::Bytes;
use dag_model::NodeId;
use dag_transport::frame::{Allowed, Decoder, Frame, FrameError, Kind};
use dag_transport::identity::{ClusterId, FolderId, Identity, NotANode};
use dag_transport::{Addresses, Hello, Refusal, Welcome};
use proptest::collection::vec;
use proptest::prelude::*;

const ALLOWED: Allowed = &[(Kind::Part, 1000), (Kind::Message, 300), (Kind::End, 0)];

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let payload = |most| vec(any::<u8>(), 0..=most).prop_map(Bytes::from);
    let frame = prop_oneof![
        payload(1000).prop_map(|payload| Frame { kind: Kind::Part, payload }),
        payload(300).prop_map(|payload| Frame { kind: Kind::Message, payload }),
        Just(Frame { kind: Kind::End, payload: Bytes::new() }),
    ];
    vec(frame, 0..10)
}

fn addresses() -> impl Strategy<Value = Addresses> {
    let address = "[a-z.]{1,20}:[1-9][0-9]{0,3}";
    (address, address).prop_map(|(control, data)| Addresses { control, data })
}

proptest! {
    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_come(frames in frames(), cuts in vec(1..400_usize, 1..50)) {
        let mut bytes = Bytes::from(frames.iter().flat_map(|frame| [&frame.head()[..], &frame.payload].concat()).collect::<Vec<_>>());
        let (mut decoder, mut found) = (Decoder::new(ALLOWED), Vec::new());
        for cut in cuts.iter().cycle() {
            let mut piece = bytes.split_to(bytes.len().min(*cut));
            while let Some(frame) = decoder.take(&mut piece).unwrap() {
                found.push(frame);
            }
            prop_assert!(piece.is_empty());
            if bytes.is_empty() {
                break;
            }
        }
        prop_assert!(decoder.is_between());
        prop_assert_eq!(found, frames);
    }

    #[test]
    fn hellos_and_welcomes_are_read_as_they_were_written(
        version in any::<u16>(), more in 0..10_u16, boot in any::<u64>(), own in addresses(), passing in any::<bool>(),
        known in vec((any::<u64>().prop_map(NodeId), addresses()), 0..20),
    ) {
        let versions = (version, version.saturating_add(more));
        let hello = Hello { versions, boot, own: own.clone(), known: known.clone(), passing };
        prop_assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        let welcome = Welcome { version, boot, own, known };
        prop_assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
    }

    #[test]
    fn refusals_are_read_as_they_were_written(code in any::<u16>(), text in ".{0,600}") {
        let refusal = Refusal::new(code, text);
        prop_assert_eq!(Refusal::decode(&refusal.encode()), Some(refusal));
    }

    #[test]
    fn names_are_those_of_one_node(cluster in any::<u128>(), node in any::<u64>(), folder in any::<u128>()) {
        let identity = Identity { cluster: ClusterId(cluster), node: NodeId(node), folder: FolderId(folder) };
        let names = identity.names();
        let [a, b, c] = names.each_ref().map(String::as_str);
        prop_assert_eq!(Identity::of_names(&[c, a, b]), Ok(identity));
        for wrong in [&[a, b][..], &[b, c], &[a, b, c, "x"], &[a, b, b], &[a, c]] {
            prop_assert_eq!(Identity::of_names(wrong), Err(NotANode::Names));
        }
    }
}

#[test]
fn what_has_no_place_or_too_many_bytes_is_refused_by_its_first_five() {
    let take = |head: [u8; 5]| Decoder::new(ALLOWED).take(&mut Bytes::copy_from_slice(&head));
    assert_eq!(take([0, 0, 0, 0, 0]), Err(FrameError::Kind(0)));
    assert_eq!(take([0, 0, 0, 0, 1]), Err(FrameError::Kind(1)), "not here");
    assert_eq!(take([0, 0, 0, 0, 12]), Err(FrameError::Kind(12)));
    assert_eq!(take([232, 3, 0, 0, 9]), Ok(None));
    assert_eq!(take([233, 3, 0, 0, 9]), Err(FrameError::TooLong { kind: 9, length: 1001, most: 1000 }));
    assert_eq!(
        take([255, 255, 255, 255, 10]),
        Err(FrameError::TooLong { kind: 10, length: u32::MAX as usize, most: 0 })
    );
}

/// What version 1 of the hello wrote: it stays readable, and is written so.
#[test]
fn the_first_hello_and_welcome_are_read_and_written_as_they_were() {
    let at = |name: &str| Addresses { control: format!("{name}:4401"), data: format!("{name}:4402") };
    let known = vec![(NodeId(300), at("c"))];
    let hello = Hello { versions: (1, 2), boot: 5, own: at("a"), known: known.clone(), passing: false };
    let bytes = b"\x01\x02\x05\x06a:4401\x06a:4402\x01\xac\x02\x06c:4401\x06c:4402\x00";
    assert_eq!(Hello::decode(bytes), Ok(hello.clone()));
    assert_eq!(hello.encode(), &bytes[..]);
    let welcome = Welcome { version: 2, boot: 6, own: at("b"), known };
    let bytes = b"\x02\x06\x06b:4401\x06b:4402\x01\xac\x02\x06c:4401\x06c:4402";
    assert_eq!(Welcome::decode(bytes), Ok(welcome.clone()));
    assert_eq!(welcome.encode(), &bytes[..]);
}
