//! Tokens, by which clients show what they may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To see streams, computations and operators, to subscribe, and to have cursors.
    Read,
    /// To make streams, and to publish to them.
    Publish,
    /// To do everything.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Publish, Scope::Admin];

    /// Its name in JSON and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Publish => "publish",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let found = Scope::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("expected read, publish or admin, found `{text}`"))
    }
}

/// The body of `POST /v1/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is to be called.
    pub name: String,
    /// What it is to be good for.
    pub scopes: Vec<Scope>,
    /// For which streams: those whose names begin so; none for all.
    #[serde(default)]
    pub prefix: Option<String>,
    /// How long it is to be accepted, or `none` for ever; 90 days where nothing is said.
    #[serde(default)]
    pub expires: Option<String>,
}

/// A token, without what is shown to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// For which streams: those whose names begin so; none for all.
    pub prefix: Option<String>,
    /// When it was made.
    pub created: String,
    /// Until when it is accepted; none for ever.
    pub expires: Option<String>,
    /// `valid` or `expired`.
    pub state: String,
}

/// The answer of `POST /v1/tokens`: the only one that has what is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreatedToken {
    /// What whoever uses it sends: nobody is told again.
    pub secret: String,
    /// The token.
    #[serde(flatten)]
    pub token: Token,
}

/// The answer of `GET /v1/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tokens {
    /// By name.
    pub tokens: Vec<Token>,
}
