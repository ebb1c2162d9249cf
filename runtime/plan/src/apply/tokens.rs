//! What becomes of tokens.

use dag_model::{Digest, Timestamp};

use super::{Refusal, Step};
use crate::entity::Entity;
use crate::token::{Token, Use};

/// The most tokens.
pub const MAX_TOKENS: usize = 1_000;

impl Step {
    pub(super) fn grant(
        &mut self,
        digest: Digest,
        name: &str,
        used: &Use,
        at: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let same = |(other, token): &(Digest, &std::sync::Arc<Token>)| *other == digest || token.name == name;
        if let Some((digest, _)) = self.plan.tokens().find(same) {
            return Err(Refusal::Exists(Entity::Token(digest)));
        }
        if self.plan.tokens_len() >= MAX_TOKENS {
            return Err(Refusal::Full { what: "tokens", most: MAX_TOKENS });
        }
        let (name, used) = (name.to_owned(), used.clone());
        self.put_token(digest, Some(Token { name, used, created: at, expires, revision: self.revision }));
        Ok(())
    }

    pub(super) fn revoke(&mut self, digest: Digest) -> Result<(), Refusal> {
        if self.plan.token(digest).is_none() {
            return Err(Refusal::Missing(Entity::Token(digest)));
        }
        self.put_token(digest, None);
        Ok(())
    }

    fn put_token(&mut self, digest: Digest, token: Option<Token>) {
        self.plan.put_token(digest, token);
        self.touched.insert(Entity::Token(digest));
    }
}
