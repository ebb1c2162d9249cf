//! Tokens: made, listed, revoked, and recognised when a client shows one.
//!
//! What a client shows, its *secret*, is `dag_` and 64 hexadecimal digits, which are 256 random bits. The plan keeps its SHA-256: whoever reads
//! the metadata, or a backup of it, can use none of them (see [`dag_plan::token`] on why a fast hash is enough).

mod error;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dag_api::{CreateToken, CreatedToken, Scope};
use dag_model::text::check_name;
use dag_model::{Digest, Timestamp};
use dag_plan::{Change, Entity, Plan, Proposal, Refusal, Scopes, Token, Use};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use crate::blocking::blocking;
use crate::clock::now;
use crate::metadata::{MetaError, Metadata};
use crate::private;
use crate::streams::settings::duration;
pub use error::{NotAccepted, TokenError};

/// The most bytes of a token's name, and of a prefix.
const MAX_NAME: usize = 200;

/// How long a token is accepted where nothing else is said.
const USUAL: Duration = Duration::from_secs(90 * 24 * 3600);

/// What secrets begin with, so that people, and programs that look for secrets in files, see what they are.
const BEGINS: &str = "dag_";

/// The characters of a secret.
const SECRET: usize = BEGINS.len() + 64;

/// The longest that is waited at once until a token expires: clocks are set meanwhile.
const LOOKING: Duration = Duration::from_secs(60);

/// The name of the token that a node makes for whoever runs it.
const FIRST: &str = "admin";

/// The owner of tokens.
pub(crate) struct Tokens {
    meta: Arc<Metadata>,
    /// Bumped when one is revoked.
    revoked: watch::Sender<u64>,
}

/// A token that was shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    digest: Digest,
    token: Arc<Token>,
}

impl Shown {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.token.name
    }

    /// What it is good for.
    pub fn scopes(&self) -> Scopes {
        let Use::Client { scopes, .. } = &self.token.used;
        *scopes
    }

    /// How the names of streams begin that it is for.
    pub fn prefix(&self) -> &str {
        let Use::Client { prefix, .. } = &self.token.used;
        prefix
    }
}

impl Tokens {
    /// Those that metadata tells of.
    pub fn new(meta: Arc<Metadata>) -> Tokens {
        Tokens { meta, revoked: watch::Sender::new(0) }
    }

    /// All that lasts.
    pub fn plan(&self) -> Arc<Plan> {
        self.meta.plan()
    }

    /// The token that has this secret.
    pub fn accept(&self, secret: &str) -> Result<Shown, NotAccepted> {
        let is_one = secret.len() == SECRET && secret.starts_with(BEGINS);
        let digest = digest(secret);
        let plan = self.meta.plan();
        let token = is_one.then(|| plan.token(digest)).flatten().ok_or(NotAccepted::Unknown)?;
        match token.expires {
            Some(at) if token.has_expired(now()) => Err(NotAccepted::Expired { name: token.name.clone(), at }),
            _ => Ok(Shown { digest, token: token.clone() }),
        }
    }

    /// Resolves once the token is not accepted any more.
    pub async fn ended(self: Arc<Self>, shown: Shown) {
        let mut revoked = self.revoked.subscribe();
        loop {
            let now = now();
            let is_there = self.meta.plan().token(shown.digest).is_some();
            if !is_there || shown.token.has_expired(now) {
                return;
            }
            let left = shown.token.expires.map(|at| Duration::from_nanos(at.0.saturating_sub(now.0).unsigned_abs()));
            tokio::select! {
                // It cannot fail: the sender is this one's.
                _ = revoked.changed() => {}
                () = tokio::time::sleep(left.unwrap_or(LOOKING).min(LOOKING)), if left.is_some() => {}
            }
        }
    }

    /// Makes a token.
    pub async fn create(self: &Arc<Self>, request: CreateToken) -> Result<CreatedToken, TokenError> {
        let tokens = self.clone();
        blocking(move || tokens.create_now(&request)).await
    }

    fn create_now(&self, request: &CreateToken) -> Result<CreatedToken, TokenError> {
        let CreateToken { name, scopes, prefix, expires } = request;
        check_name(name, MAX_NAME).map_err(|why| TokenError::Request(format!("a token's name {why}")))?;
        let prefix = prefix.clone().unwrap_or_default();
        if !prefix.is_empty() {
            check_name(&prefix, MAX_NAME).map_err(|why| TokenError::Request(format!("a prefix {why}")))?;
        }
        if scopes.is_empty() {
            return Err(TokenError::Request("scopes: expected read, publish or admin, found none".to_owned()));
        }
        let created = now();
        let expires = expires_at(expires.as_deref(), created)?;
        let used = Use::Client { scopes: kept(scopes), prefix };
        let secret = new_secret();
        let digest = digest(&secret);
        let grant = Change::Grant { token: digest, name: name.clone(), used, at: created, expires };
        match self.meta.propose(Proposal::of([grant])) {
            Err(MetaError::Refused(Refusal::Exists(Entity::Token(_)))) => Err(TokenError::Exists(name.clone())),
            Err(MetaError::Refused(Refusal::Full { most, .. })) => Err(TokenError::TooMany(most)),
            Err(error) => Err(error.into()),
            Ok(_) => {
                let plan = self.meta.plan();
                let token = plan.token(digest).ok_or_else(|| TokenError::Unknown(name.clone()))?;
                Ok(CreatedToken { secret, token: shown(token, created) })
            }
        }
    }

    /// All tokens, by name.
    pub fn list(&self) -> dag_api::Tokens {
        let now = now();
        let mut tokens: Vec<_> = self.meta.plan().tokens().map(|(_, token)| shown(token, now)).collect();
        tokens.sort_by(|one, other| one.name.cmp(&other.name));
        dag_api::Tokens { tokens }
    }

    /// Revokes a token: whoever has it is refused from now on, and what is open with it is closed.
    pub async fn revoke(self: &Arc<Self>, name: String) -> Result<dag_api::Token, TokenError> {
        let tokens = self.clone();
        blocking(move || tokens.revoke_now(&name)).await
    }

    fn revoke_now(&self, name: &str) -> Result<dag_api::Token, TokenError> {
        let unknown = || TokenError::Unknown(name.to_owned());
        let plan = self.meta.plan();
        let (digest, token) = plan.tokens().find(|(_, token)| token.name == name).ok_or_else(unknown)?;
        match self.meta.propose(Proposal::of([Change::Revoke { token: digest }])) {
            Err(MetaError::Refused(Refusal::Missing(_))) => return Err(unknown()),
            outcome => outcome?,
        };
        self.revoked.send_modify(|count| *count += 1);
        Ok(shown(token, now()))
    }

    /// Makes a token for everything and puts it into that file, for the node's user alone, where there is none that is accepted; says whether.
    /// Blocks until that is done.
    pub fn make_first(&self, file: &Path) -> Result<bool, TokenError> {
        let (plan, now) = (self.meta.plan(), now());
        let is_for_all = |token: &Token| {
            let Use::Client { scopes, prefix } = &token.used;
            scopes.admin && prefix.is_empty() && !token.has_expired(now)
        };
        if plan.tokens().any(|(_, token)| is_for_all(token)) {
            return Ok(false);
        }
        let secret = new_secret();
        let failed = |source| TokenError::File { file: file.to_owned(), source };
        private::write_whole(file, format!("{secret}\n").as_bytes()).map_err(failed)?;
        let former = plan.tokens().find(|(_, token)| token.name == FIRST);
        let former = former.map(|(digest, _)| Change::Revoke { token: digest });
        let scopes = Scopes { admin: true, ..Scopes::default() };
        let used = Use::Client { scopes, prefix: String::new() };
        let grant = Change::Grant { token: digest(&secret), name: FIRST.to_owned(), used, at: now, expires: None };
        self.meta.propose(Proposal::of(former.into_iter().chain([grant])))?;
        Ok(true)
    }
}

fn new_secret() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    format!("{BEGINS}{}", Digest(bytes))
}

fn digest(secret: &str) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
    Digest(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Until when a token is accepted that was made then.
fn expires_at(text: Option<&str>, created: Timestamp) -> Result<Option<Timestamp>, TokenError> {
    let span = match text {
        Some("none") => return Ok(None),
        Some(text) => duration("expires", text).map_err(|error| TokenError::Request(error.to_string()))?,
        None => USUAL,
    };
    Ok(Some(created.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))))
}

fn kept(scopes: &[Scope]) -> Scopes {
    let has = |scope| scopes.contains(&scope);
    Scopes { read: has(Scope::Read), publish: has(Scope::Publish), admin: has(Scope::Admin) }
}

/// The scopes of which that one has some.
pub(crate) fn told(scopes: Scopes) -> Vec<Scope> {
    let Scopes { read, publish, admin } = scopes;
    Scope::ALL.into_iter().zip([read, publish, admin]).filter_map(|(scope, has)| has.then_some(scope)).collect()
}

fn shown(token: &Token, now: Timestamp) -> dag_api::Token {
    let Use::Client { scopes, prefix } = &token.used;
    dag_api::Token {
        name: token.name.clone(),
        scopes: told(*scopes),
        prefix: (!prefix.is_empty()).then(|| prefix.clone()),
        created: token.created.to_string(),
        expires: token.expires.map(|at| at.to_string()),
        state: if token.has_expired(now) { "expired" } else { "valid" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> (tempfile::TempDir, Arc<Tokens>) {
        let folder = tempfile::tempdir().unwrap();
        let (meta, _) = Metadata::open(&folder.path().join("meta.redb")).unwrap();
        (folder, Arc::new(Tokens::new(Arc::new(meta))))
    }

    fn request(name: &str, expires: Option<&str>) -> CreateToken {
        let (prefix, expires) = (Some("sensors.".to_owned()), expires.map(str::to_owned));
        CreateToken { name: name.to_owned(), scopes: vec![Scope::Read], prefix, expires }
    }

    #[tokio::test]
    async fn a_secret_is_told_once_and_accepted_until_it_is_revoked() {
        let (folder, tokens) = tokens();
        let made = tokens.create(request("ci", None)).await.unwrap();
        assert_eq!((made.secret.len(), &made.secret[..4]), (SECRET, "dag_"));
        let shown = tokens.accept(&made.secret).unwrap();
        assert_eq!((shown.name(), shown.prefix(), told(shown.scopes())), ("ci", "sensors.", vec![Scope::Read]));
        assert_eq!(tokens.list().tokens, std::slice::from_ref(&made.token));
        let other = made.secret.replace(&made.secret[67..], if made.secret.ends_with('0') { "1" } else { "0" });
        for none in ["", "dag_", &other, &made.secret[4..]] {
            assert_eq!(tokens.accept(none).unwrap_err(), NotAccepted::Unknown, "{none}");
        }
        let kept = std::fs::read(folder.path().join("meta.redb")).unwrap();
        assert!(!kept.windows(64).any(|bytes| bytes == &made.secret.as_bytes()[4..]), "it is not kept");

        let open = tokio::spawn(tokens.clone().ended(shown));
        assert_eq!(tokens.revoke("ci".to_owned()).await.unwrap(), made.token);
        open.await.unwrap();
        assert_eq!(tokens.accept(&made.secret).unwrap_err(), NotAccepted::Unknown);
        assert!(matches!(tokens.revoke("ci".to_owned()).await, Err(TokenError::Unknown(_))));
    }

    #[tokio::test]
    async fn a_token_expires() {
        let (_folder, tokens) = tokens();
        let made = tokens.create(request("brief", Some("1ms"))).await.unwrap();
        if let Ok(shown) = tokens.accept(&made.secret) {
            tokens.clone().ended(shown).await;
        }
        let error = tokens.accept(&made.secret).unwrap_err().to_string();
        assert!(error.starts_with("the token `brief` has expired at "), "{error}");
        assert_eq!(tokens.list().tokens[0].state, "expired");
        let made = tokens.create(request("for ever", Some("none"))).await.unwrap();
        assert_eq!(made.token.expires, None);
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused() {
        let (_folder, tokens) = tokens();
        let refused = async |request| tokens.create(request).await.unwrap_err().to_string();
        assert_eq!(refused(request("", None)).await, "a token's name has 1 to 200 bytes, this one has 0");
        assert_eq!(
            refused(CreateToken { scopes: Vec::new(), ..request("x", None) }).await,
            "scopes: expected read, publish or admin, found none"
        );
        assert!(refused(request("x", Some("soon"))).await.contains("expires"));
        tokens.create(request("x", None)).await.unwrap();
        assert!(refused(request("x", None)).await.contains("there is a token `x` already"));
    }

    #[tokio::test]
    async fn a_node_that_wants_tokens_makes_one_for_whoever_runs_it() {
        let (folder, tokens) = tokens();
        let file = folder.path().join("admin.token");
        assert!(tokens.make_first(&file).unwrap());
        let secret = std::fs::read_to_string(&file).unwrap();
        assert!(tokens.accept(secret.trim()).unwrap().scopes().admin);
        assert!(!tokens.make_first(&file).unwrap(), "there is one");
        tokens.revoke(FIRST.to_owned()).await.unwrap();
        assert!(tokens.make_first(&file).unwrap(), "nobody could do anything");
        assert_ne!(std::fs::read_to_string(&file).unwrap(), secret);
    }
}
