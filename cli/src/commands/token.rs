//! `dag token`: who may use a node for what.

use clap::{Args, Subcommand};
use dag_api::{CreateToken, CreatedToken, Scope, Token, Tokens};
use serde_json::Value;

use crate::client::{Client, Target};
use crate::exit::Exit;
use crate::output::{self, Listing};

/// Make, list and revoke tokens, by which clients show what they may do
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = r#"Examples:
  export DAG_NODE=https://dag.example.com:7324 DAG_TOKEN_FILE=admin.token
  dag token create dashboards --scope read
  dag token create "plant 7" --scope publish --prefix plant7. --expires 365d > plant7.token
  dag token list
  dag token revoke dashboards

A node that speaks TLS (dag serve --tls-cert ... --tls-key ...) wants a token with each request. For whoever runs it, it puts one that is good for
everything into admin.token in its data folder. The others are shown once, when they are made."#
)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: Action,
    /// Print the node's answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, and print what is to be sent, which is not shown again
    Create {
        /// What it is called, in lists and messages
        name: String,
        /// What it is good for: read, publish, admin; several with commas, or given several times
        #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// Only for streams whose names begin so, and for what is computed from these alone
        #[arg(long, value_name = "PREFIX")]
        prefix: Option<String>,
        /// How long it is accepted; `none` for ever [default: 90d]
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
    },
    /// List tokens
    List,
    /// Revoke a token: it is refused from now on, and what is open with it is closed
    Revoke {
        /// The token's name
        name: String,
    },
}

impl TokenCommand {
    /// Runs the command.
    pub async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let all = Target::new(&["tokens"]);
        match self.action {
            Action::Create { name, scope, prefix, expires } => {
                let request = CreateToken { name, scopes: scope, prefix, expires };
                let answer = client.post(&all, "application/json", serde_json::to_vec(&request)?.into()).await?;
                made(answer, self.json)?;
            }
            Action::List => {
                let answer = client.get(&all).await?;
                match self.json {
                    true => output::json(&answer)?,
                    false => output::text(&listing(&serde_json::from_value::<Tokens>(answer)?.tokens))?,
                }
            }
            Action::Revoke { name } => {
                let answer = client.delete(&Target::new(&["tokens", &name])).await?;
                match self.json {
                    true => output::json(&answer)?,
                    false => output::line(&format!("{name}: revoked"))?,
                }
            }
        }
        Ok(Exit::Done)
    }
}

/// The secret alone goes to standard output: into a file, or a variable.
fn made(answer: Value, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::json(&answer)?);
    }
    let CreatedToken { secret, token } = serde_json::from_value(answer)?;
    output::line(&secret)?;
    let until = token.expires.as_ref().map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
    output::note(&format!("{}: {} on {}, {until}; it is not shown again", token.name, scopes(&token), streams(&token)));
    Ok(())
}

fn listing(tokens: &[Token]) -> String {
    let mut listing = Listing::new(&["TOKEN", "SCOPES", "STREAMS", "STATE", "CREATED", "EXPIRES"]);
    for token in tokens {
        let expires = token.expires.clone().unwrap_or_else(|| "never".to_owned());
        let (scopes, streams) = (scopes(token), streams(token));
        listing.row(vec![token.name.clone(), scopes, streams, token.state.clone(), token.created.clone(), expires]);
    }
    listing.render()
}

fn scopes(token: &Token) -> String {
    token.scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join(",")
}

fn streams(token: &Token) -> String {
    token.prefix.as_ref().map_or_else(|| "all streams".to_owned(), |prefix| format!("{prefix}*"))
}
