//! Frames of replicas, as another node sends them.

use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_replica::Frame;
use proptest::prelude::*;

/// A frame of each message, as version 1 writes it.
const FRAME: &[u8] = include_bytes!("../../runtime/replica/tests/data/frame-1");

/// What a node does with a frame: refuses it, or takes it for what it would have been sent as.
fn check(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let again = frame.encode().expect("what is taken is not too large");
    assert_eq!(Frame::decode(&again), Ok(frame));
}

#[test]
fn no_frame_of_another_node_does_more_than_it_says() {
    assert!(Frame::decode(FRAME).is_ok());
    fuzz(mutations(), |mutations| check(&mutated(FRAME, &mutations)));
}

#[test]
fn no_bytes_are_a_frame_by_chance() {
    fuzz(any::<Vec<u8>>(), |mut bytes| {
        bytes.insert(0, 1);
        check(&bytes);
    });
}
