//! A token is made, and revoked.

use dag_model::{Digest, Timestamp};
use dag_plan::apply::MAX_TOKENS;
use dag_plan::{Change, Entity, Proposal, Refusal, Scopes, Use};

use crate::kit::{done, plan, refused};

fn grant(number: u32, name: &str) -> Change {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    let scopes = Scopes { read: true, ..Scopes::default() };
    let used = Use::Client { scopes, prefix: "sensors.".to_owned() };
    Change::Grant { token: Digest(digest), name: name.to_owned(), used, at: Timestamp(1), expires: Some(Timestamp(9)) }
}

fn digest(change: &Change) -> Digest {
    match change {
        Change::Grant { token, .. } => *token,
        _ => unreachable!("tokens are granted"),
    }
}

#[test]
fn a_token_is_there_until_it_is_revoked() {
    let (mut plan, first) = (plan(), grant(1, "ci"));
    let token = digest(&first);
    let applied = done(&mut plan, [first.clone()]);
    assert_eq!(applied.touched, [Entity::Token(token)].into());
    let kept = plan.token(token).unwrap();
    assert_eq!((kept.name.as_str(), kept.revision), ("ci", plan.revision_of(&Entity::Token(token))));
    assert!(!kept.has_expired(Timestamp(8)) && kept.has_expired(Timestamp(9)));

    let taken = Refusal::Exists(Entity::Token(token));
    assert_eq!(refused(&mut plan, &Proposal::of([first])), taken, "the same secret");
    assert_eq!(refused(&mut plan, &Proposal::of([grant(2, "ci")])), taken, "the same name");

    done(&mut plan, [Change::Revoke { token }]);
    assert!(plan.token(token).is_none());
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Revoke { token }])), Refusal::Missing(Entity::Token(token)));
    done(&mut plan, [grant(2, "ci")]);
}

#[test]
fn there_are_so_many_tokens() {
    let mut plan = plan();
    let many = (0..MAX_TOKENS as u32).map(|number| grant(number, &number.to_string()));
    done(&mut plan, many);
    let one_more = Proposal::of([grant(MAX_TOKENS as u32, "one more")]);
    assert_eq!(refused(&mut plan, &one_more), Refusal::Full { what: "tokens", most: MAX_TOKENS });
}
