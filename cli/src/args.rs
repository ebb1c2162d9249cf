//! The command line: what all commands share, and the list of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::client::{Client, Credentials};
use crate::commands::{
    alter, backup, build, create, cursors, delete, demo, deploy, dev, explain, init, new, operators, pipe, publish,
    rollback, serve, status, streams, subscribe, test, token, undeploy,
};
use crate::exit::Exit;

/// What `dag --version` says: a binary that obeys tests is not to be taken for another one.
const VERSION: &str = match dag_node::ARMED {
    true => concat!(env!("CARGO_PKG_VERSION"), " (armed: made for tests)"),
    false => env!("CARGO_PKG_VERSION"),
};

/// Streams named by expressions, computed while somebody listens.
#[derive(Debug, Parser)]
#[command(
    name = "dag",
    version = VERSION,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = r#"Examples:
  dag serve
  dag create cpu_util --schema 'host utf8, value float64'
  dag publish cpu_util readings.csv
  dag subscribe "avg(cpu_util, 5min, by=host)"

Exit codes: 0 done, 1 failed, 2 misuse, 3 some records refused, 4 --timeout passed, 130 Ctrl-C, SIGTERM or SIGHUP."#
)]
pub struct Cli {
    #[command(flatten)]
    node: NodeArgs,
    #[command(subcommand)]
    command: Command,
}

/// Which node to talk to, and how.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// The node to talk to
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DAG_NODE",
        default_value = "http://127.0.0.1:7324",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    node: String,
    /// The token to show it; others on this machine see options: --token-file and DAG_TOKEN say it to the node only
    #[arg(long, global = true, value_name = "TOKEN", help_heading = "Global options")]
    token: Option<String>,
    /// A file with the token [env: DAG_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    token_file: Option<PathBuf>,
    /// The certificates of the authorities that are believed, in PEM, instead of this machine's [env: DAG_CA]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    ca: Option<PathBuf>,
}

impl NodeArgs {
    fn credentials(&self) -> anyhow::Result<Credentials> {
        Credentials::of(self.token.as_deref(), self.token_file.as_deref(), self.ca.as_deref())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Init(init::Init),
    Create(create::Create),
    Alter(alter::Alter),
    Delete(delete::Delete),
    Publish(publish::Publish),
    Subscribe(subscribe::Subscribe),
    Cursors(cursors::Cursors),
    Deploy(deploy::Deploy),
    Undeploy(undeploy::Undeploy),
    Operators(operators::Operators),
    Rollback(rollback::Rollback),
    Streams(streams::Streams),
    Status(status::Status),
    Explain(explain::Explain),
    Backup(backup::Backup),
    Token(token::TokenCommand),
    Pipe(pipe::Pipe),
    New(new::New),
    Build(build::Build),
    Test(test::Test),
    Dev(dev::Dev),
    /// Build one component, which standard input brings: what `dag serve` runs for each that is deployed
    #[command(hide = true)]
    BuildComponent,
    Demo(demo::Demo),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let client = || Client::new(&self.node.node, self.node.credentials()?);
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Init(init) => init.run(),
            Command::Pipe(pipe) => pipe.run(),
            Command::New(new) => new.run(),
            Command::Build(build) => build.run(),
            Command::Test(test) => test.run(),
            Command::Dev(dev) => dev.run(),
            Command::BuildComponent => serve::build_component(),
            Command::Demo(demo) => demo.run(client),
            Command::Alter(alter) => on_one_thread(alter.run(&client()?)),
            Command::Delete(delete) => on_one_thread(delete.run(&client()?)),
            Command::Create(create) => on_one_thread(create.run(&client()?)),
            Command::Publish(publish) => on_one_thread(publish.run(&client()?)),
            Command::Subscribe(subscribe) => on_one_thread(subscribe.run(&client()?)),
            Command::Cursors(cursors) => on_one_thread(cursors.run(&client()?)),
            Command::Deploy(deploy) => on_one_thread(deploy.run(&client()?)),
            Command::Undeploy(undeploy) => on_one_thread(undeploy.run(&client()?)),
            Command::Operators(operators) => on_one_thread(operators.run(&client()?)),
            Command::Rollback(rollback) => on_one_thread(rollback.run(&client()?)),
            Command::Streams(streams) => on_one_thread(streams.run(&client()?)),
            Command::Status(status) => on_one_thread(status.run(&client()?)),
            Command::Explain(explain) => on_one_thread(explain.run(&client()?)),
            Command::Token(token) => on_one_thread(token.run(&client()?)),
            Command::Backup(backup) => on_one_thread(backup.run(&client()?)),
        }
    }
}

/// Runs a command that only talks to a node; one thread is enough and quicker to start.
fn on_one_thread(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
