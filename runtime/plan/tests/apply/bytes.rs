//! Proposals as bytes.

use dag_model::IncarnationId;
use dag_plan::change::{MAX_BYTES, MAX_CHANGES};
use dag_plan::{Change, Entity, Proposal, ProposalError, Revision};

use crate::kit::{create, hold};

#[test]
fn a_proposal_is_read_as_it_is_drawn() {
    let proposal = Proposal::of([create("x"), hold(300, 2, true)]).on(Entity::Name("x".to_owned()), Revision(0));
    let bytes = [
        &[2_u8][..],                     // version
        &[1, 2, 1, b'x', 0],             // on: a name, revision 0
        &[2],                            // two changes
        &[1, 1, b'x', 0, 2, b'{', b'}'], // create, published
        &[12, 0, 0xAC, 2, 1, 1, 2, 1],   // hold: incarnation 300, node 1, boot 1, number 2
    ]
    .concat();
    assert_eq!(Proposal::decode(&bytes), Ok(proposal.clone()));
    assert_eq!(proposal.encode(), Ok(bytes));
}

#[test]
fn what_is_too_large_or_no_proposal_is_refused() {
    let many = Proposal::of((0..=MAX_CHANGES as u64).map(|number| Change::Forget(IncarnationId(number))));
    assert_eq!(many.encode(), Err(ProposalError::Changes(MAX_CHANGES + 1)));
    let long = Proposal::of([Change::Alter { stream: dag_model::StreamId(1), settings: "x".repeat(MAX_BYTES) }]);
    assert!(matches!(long.encode(), Err(ProposalError::Bytes(_))));
    assert_eq!(Proposal::decode(&vec![1; MAX_BYTES + 1]), Err(ProposalError::Bytes(MAX_BYTES + 1)));
    assert_eq!(Proposal::decode(&[3, 0, 0]), Err(ProposalError::Version(3)));
    assert!(matches!(Proposal::decode(&[]), Err(ProposalError::Damaged(_))));
    assert!(matches!(Proposal::decode(&[2, 0, 0, 0]), Err(ProposalError::Damaged(_))), "something follows");
}
