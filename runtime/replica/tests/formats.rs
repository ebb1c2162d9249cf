//! The bytes of frames: they come back as they were, those of the first version are read still, and no others do harm.

use std::collections::BTreeMap;

use dag_model::StreamId;
use dag_replica::{
    Append, Base, Batch, Body, Checkpoint, Epoch, Frame, FrameError, Header, Index, Kind, Life, MAX_APPENDS, MAX_FRAME,
    MAX_STREAMS, Message, Point, Prefix, Publisher, Row,
};
use proptest::prelude::*;

/// A frame with each message and each kind of append, as version 1 wrote it.
const VERSION_1: &[u8] = include_bytes!("data/frame-1");

fn batch(number: u64) -> Batch {
    Batch { publisher: "p".to_owned(), session: 2, number }
}

fn appends() -> Vec<Append> {
    let kinds = [
        Kind::Records(Some(batch(1))),
        Kind::Records(None),
        Kind::Note,
        Kind::Epoch,
        Kind::Set,
        Kind::Mark(300),
        Kind::Trim(Index(4)),
        Kind::Forget(vec!["p".to_owned(), "q".to_owned()]),
        Kind::Leave(batch(1)),
        Kind::Done(batch(2)),
        Kind::Seal(Some(batch(3))),
        Kind::Seal(None),
    ];
    let at = |(at, kind)| Append { header: Header { point: Point::new(2, at), kind }, body: Body::from(&b"body"[..]) };
    (5..).zip(kinds).map(at).collect()
}

fn messages() -> Vec<Message> {
    let (epoch, life, point) = (Epoch(3), Life { boot: 7, opening: 1 }, Point::new(2, 4));
    let publisher = Publisher { session: 2, last: 3, at: Index(4), gone: true };
    let publishers = BTreeMap::from([("p".to_owned(), publisher)]);
    let checkpoint = Prefix { at: Index(9), publishers, sealed: Some(Index(8)), marked: 6, trimmed: Index(4) };
    vec![
        Message::Ask { epoch },
        Message::Promise { epoch, end: point, committed: Index(3) },
        Message::Fetch { epoch, from: point },
        Message::Tail { epoch, prev: point, appends: appends() },
        Message::Append {
            epoch,
            round: 5,
            prev: point,
            appends: appends(),
            committed: Index(4),
            target: Some((life, Index(9))),
        },
        Message::Append { epoch, round: 5, prev: point, appends: Vec::new(), committed: Index(4), target: None },
        Message::Ack { epoch, life, round: 5, durable: Index(4), committed: Index(3), whole: true },
        Message::Apart { epoch, life, round: 5, hint: point, whole: false },
        Message::Base { epoch, round: 5, base: Base { point, checkpoint } },
        Message::Lost { epoch, life },
        Message::Refused { promised: Epoch(9) },
    ]
}

fn frame() -> Frame {
    Frame((1..).map(StreamId).zip(messages()).collect())
}

#[test]
fn a_frame_of_the_first_version_is_read() {
    assert_eq!(Frame::decode(VERSION_1), Ok(frame()));
    assert_eq!(frame().encode().as_deref(), Ok(VERSION_1));
}

#[test]
fn what_the_store_keeps_is_read_as_it_was_written() {
    let row = Row { promised: Epoch(300), whole: true };
    let row_bytes = [0xac, 0x02, 1];
    assert_eq!(postcard::to_stdvec(&row).as_deref(), Ok(&row_bytes[..]));
    assert_eq!(postcard::from_bytes(&row_bytes), Ok(row));
    let publisher = Publisher { session: 2, last: 3, at: Index(4), gone: true };
    let publishers = BTreeMap::from([("p".to_owned(), publisher)]);
    let checkpoint = Checkpoint { at: Index(9), publishers, sealed: Some(Index(8)), marked: 6, trimmed: Index(4) };
    let checkpoint_bytes = [9, 1, 1, b'p', 2, 3, 4, 1, 1, 8, 6, 4];
    assert_eq!(postcard::to_stdvec(&checkpoint).as_deref(), Ok(&checkpoint_bytes[..]));
    assert_eq!(postcard::from_bytes(&checkpoint_bytes), Ok(checkpoint));
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    assert_eq!(Frame::decode(&vec![1; MAX_FRAME + 1]), Err(FrameError::TooLong(MAX_FRAME + 1)));
    assert_eq!(Frame::decode(&[2, 0]), Err(FrameError::Version(2)));
    assert_eq!(Frame::decode(&[]), Err(FrameError::Malformed));
    let ask = (StreamId(1), Message::Ask { epoch: Epoch(1) });
    let many = Frame(vec![ask; MAX_STREAMS + 1]);
    assert_eq!(many.encode(), Err(FrameError::Messages(MAX_STREAMS + 1)));
    let append = Append { header: Header { point: Point::new(1, 1), kind: Kind::Note }, body: Body::default() };
    let (epoch, prev) = (Epoch(1), Point::default());
    let long = Message::Tail { epoch, prev, appends: vec![append; MAX_APPENDS + 1] };
    assert_eq!(Frame(vec![(StreamId(1), long)]).encode(), Err(FrameError::Appends(MAX_APPENDS + 1)));
}

#[test]
fn a_length_that_lies_is_no_memory() {
    // A list of 2^60 messages in ten bytes.
    assert_eq!(
        Frame::decode(&[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0]),
        Err(FrameError::Malformed)
    );
}

proptest! {
    #[test]
    fn bytes_that_were_changed_are_refused_or_are_a_frame(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = VERSION_1.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Ok(frame) = Frame::decode(&bytes) {
            let again = frame.encode().expect("what is taken is not too large");
            prop_assert_eq!(Frame::decode(&again), Ok(frame));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_are_a_frame(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, 1);
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert!(frame.encode().is_ok());
        }
    }
}
