//! What comes from elsewhere is bytes: whatever they are, nobody panics, and memory is taken for what is there.

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use dag_log::{Committer, Retention, Source};
use dag_mirror::limits::{MAX_ASK, MAX_BODIES, MAX_PART};
use dag_mirror::wire::{Ask, Begin, Refused, Told, VERSION, Wanted};
use dag_mirror::{Answer, Answering, Next};
use proptest::prelude::*;

/// What a log of two appends answers.
fn answers(question: &[u8]) -> Vec<Told> {
    let (folder, committer) = (tempfile::tempdir().unwrap(), Committer::new());
    let source = Source::create(folder.path(), &schema(), options(Retention::default()), &committer).unwrap();
    publish(&source, &[1, 2], 10);
    publish(&source, &[3], 100_000);
    let mut answer = Answering::new(source.log().clone(), question, Arc::new(|| ()));
    let mut told = Vec::new();
    while let Next::Part(part) = answer.next(Instant::now()) {
        assert!(part.len() <= MAX_PART);
        told.push(Told::decode(&part).unwrap());
    }
    told
}

/// Questions and answers of every kind.
fn samples() -> Vec<Vec<u8>> {
    let pull = Ask::Pull { version: VERSION, begin: Begin::At(1), inline: 4_096 }.encode();
    let wanted = vec![Wanted { first: 2, length: 8, checksum: 1 }; 3];
    let bodies = Ask::Bodies { version: VERSION, wanted }.encode();
    let told = [&pull, &bodies].into_iter().flat_map(|question| answers(question)).map(|told| told.encode());
    told.chain([pull.clone(), bodies.clone()]).collect()
}

#[test]
fn a_question_is_answered_in_parts_and_one_that_is_none_is_refused() {
    let pull = |begin, version| answers(&Ask::Pull { version, begin, inline: 4_096 }.encode());
    let told = pull(Begin::At(0), VERSION);
    let [Told::Base(base), Told::Still { .. }, Told::Heads(heads)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((base.first(), heads.len()), (0, 2));
    assert_eq!(heads.iter().map(|carried| carried.body.is_some()).collect::<Vec<_>>(), [true, false]);
    let wanted = Wanted { first: 2, length: heads[1].head.body_length(), checksum: heads[1].head.body_checksum() };
    let bodies = |wanted: Vec<Wanted>| answers(&Ask::Bodies { version: VERSION, wanted }.encode());
    let pieces = bodies(vec![wanted]);
    let bytes: usize =
        pieces.iter().map(|told| if let Told::Piece { bytes, .. } = told { bytes.len() } else { 0 }).sum();
    assert!(pieces.len() > 1 && bytes == wanted.length as usize, "{pieces:?}");
    let another = Wanted { checksum: wanted.checksum ^ 1, ..wanted };
    assert_eq!(bodies(vec![another]), [Told::Gone { first: 2, earliest: None }]);
    let past = Wanted { first: 900, ..wanted };
    assert_eq!(bodies(vec![past]), [Told::Gone { first: 900, earliest: None }]);

    assert_eq!(pull(Begin::At(0), VERSION + 1), [Told::Refused(Refused::Version(VERSION))]);
    for refused in [answers(b"\xff\xff"), answers(&vec![0; MAX_ASK + 1]), bodies(vec![wanted; MAX_BODIES + 1])] {
        assert!(matches!(refused.as_slice(), [Told::Refused(Refused::Failed(_))]), "{refused:?}");
    }
}

proptest! {
    #[test]
    fn bytes_that_are_none_of_it_are_refused_or_mean_what_they_say(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            (proptest::sample::select(samples()), any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
                |(mut bytes, at, byte, cut)| {
                    let at = at.index(bytes.len());
                    if cut { bytes.truncate(at) } else { bytes[at] = byte }
                    bytes
                }
            ),
        ]
    ) {
        if let Ok(ask) = Ask::decode(&bytes) {
            prop_assert_eq!(Ask::decode(&ask.encode()), Ok(ask));
        }
        if let Ok(told) = Told::decode(&bytes) {
            prop_assert_eq!(Told::decode(&told.encode()), Ok(told));
        }
    }
}
