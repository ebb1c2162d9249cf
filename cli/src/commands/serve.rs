//! `dag serve`: runs a node.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, fs, process, thread};

use anyhow::Context;
use clap::{Args, ValueEnum};
use dag_api::limits::{
    AllMemory, BuildMemory, BuildTime, CallTime, ComponentDisk, ComputationMemory, LimitSettings, Memory, Output,
    RequestMemory,
};
use dag_node::requests::Requests;
use dag_node::{Bounds, Builder, BuilderCommand, Config, Origin, Tls, usual_memory};
use dag_transport::identity::Kept;
use rustix::fs::Mode;
use rustix::process::umask;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::authority::OwnAuthority;
use crate::duration::Span;
use crate::exit::{Exit, misuse};
use crate::{log, output};

/// How long a computation outlives its last subscriber, unless told otherwise: long enough for a page that is loaded again.
pub const DEFAULT_LINGER: Duration = Duration::from_secs(5);

/// How long a thread that waits for files stays when there is nothing to wait for.
const IDLE_THREAD: Duration = Duration::from_secs(1);

/// How much of the disk stays free, in percent, unless told otherwise.
const DEFAULT_DISK_RESERVE: u8 = 10;

/// The shortest time in which a request can be expected.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// How often it is written down how a computation goes on, unless told otherwise: what a crash costs is to compute that much again.
pub const DEFAULT_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(5);

/// Run a node
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag serve
  dag serve --listen 127.0.0.1:7400 --data /var/lib/dag
  DAG_LOG_LEVEL=debug dag serve --log-format json
  dag serve --config dag.toml
  dag serve --listen 0.0.0.0:7324 --tls-cert node.pem --tls-key node.key

Every option is also a key of the file that --config names, spelt as here without the dashes in front. An option counts before its
variable, and that before the file. Ctrl-C and SIGTERM stop the node."#)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// A TOML file with these options
    #[arg(long, value_name = "FILE", env = "DAG_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

/// What can be set by an option, a variable or the file.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Where the HTTP API listens; port 0 takes a free one [default: 127.0.0.1:7324]
    #[arg(long, value_name = "ADDRESS", env = "DAG_LISTEN", hide_env_values = true)]
    listen: Option<SocketAddr>,
    /// A name or an address by which clients reach the node, for the certificate that its cluster's authority gives it; may be given several
    /// times
    #[arg(long, value_name = "NAME", env = "DAG_ADVERTISE", hide_env_values = true, value_delimiter = ',')]
    advertise: Option<Vec<String>>,
    /// The node's certificate in PEM, with those between it and its authority behind it: clients have to come over TLS, and to show tokens
    #[arg(long, value_name = "FILE", env = "DAG_TLS_CERT", hide_env_values = true)]
    tls_cert: Option<PathBuf>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", env = "DAG_TLS_KEY", hide_env_values = true)]
    tls_key: Option<PathBuf>,
    /// Listen where other machines can reach the node with neither TLS nor tokens: whoever does may do everything
    #[arg(long, env = "DAG_INSECURE", hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    insecure: Option<bool>,
    /// Where data lies [default: dag in the user's data folder]
    #[arg(long, value_name = "FOLDER", env = "DAG_DATA", hide_env_values = true)]
    data: Option<PathBuf>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N", env = "DAG_WORKERS", hide_env_values = true)]
    workers: Option<NonZeroUsize>,
    /// How long a computation outlives its last subscriber [default: 5s]
    #[arg(long, value_name = "DURATION", env = "DAG_LINGER", hide_env_values = true)]
    linger: Option<Span>,
    /// How often computations write down how to go on after a crash [default: 5s]
    #[arg(long, value_name = "DURATION", env = "DAG_SNAPSHOT_INTERVAL", hide_env_values = true)]
    snapshot_interval: Option<Span>,
    /// Memory that one instance of an operator may have [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "DAG_OPERATOR_MEMORY", hide_env_values = true)]
    operator_memory: Option<Memory>,
    /// Time that one call of an operator may take [default: 10s]
    #[arg(long, value_name = "DURATION", env = "DAG_OPERATOR_TIME", hide_env_values = true)]
    operator_time: Option<CallTime>,
    /// What one call of an operator may return [default: 64MiB]
    #[arg(long, value_name = "SIZE", env = "DAG_OPERATOR_OUTPUT", hide_env_values = true)]
    operator_output: Option<Output>,
    /// Memory that all computations may have together, with their operators' instances [default: half of the machine's]
    #[arg(long, value_name = "SIZE", env = "DAG_MEMORY", hide_env_values = true)]
    memory: Option<AllMemory>,
    /// Memory that the node may use for one computation, besides its operator's instances [default: 512MiB, or a quarter of --memory]
    #[arg(long, value_name = "SIZE", env = "DAG_COMPUTATION_MEMORY", hide_env_values = true)]
    computation_memory: Option<ComputationMemory>,
    /// Instances of operators at a time [default: an eighth of the mappings that the system allows, 8191]
    #[arg(long, value_name = "N", env = "DAG_INSTANCES", hide_env_values = true)]
    instances: Option<NonZeroUsize>,
    /// What all components may take on disk, with their compiled code [default: 4GiB]
    #[arg(long, value_name = "SIZE", env = "DAG_COMPONENT_DISK", hide_env_values = true)]
    component_disk: Option<ComponentDisk>,
    /// Memory that may be taken to build a component that is deployed [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "DAG_BUILD_MEMORY", hide_env_values = true)]
    build_memory: Option<BuildMemory>,
    /// Processor time that may be taken for that, and a thirtieth more for each MiB of the component [default: 30s]
    #[arg(long, value_name = "DURATION", env = "DAG_BUILD_TIME", hide_env_values = true)]
    build_time: Option<BuildTime>,
    /// How much of the disk stays free before publishes are refused, in percent; results of computations leave as much again free, up to
    /// 1 GiB; 0 uses all of it [default: 10]
    #[arg(long, value_name = "PERCENT", env = "DAG_DISK_RESERVE", hide_env_values = true)]
    disk_reserve: Option<u8>,
    /// Memory that all requests may take together: bodies, what they come to, answers [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "DAG_REQUEST_MEMORY", hide_env_values = true)]
    request_memory: Option<RequestMemory>,
    /// How long a peer may be silent within a request, between two, and before it reads an answer [default: 30s]
    #[arg(long, value_name = "DURATION", env = "DAG_REQUEST_TIME", hide_env_values = true)]
    request_time: Option<Span>,
    /// How many connections there may be, up to half of the process's files [default: 4096]
    #[arg(long, value_name = "N", env = "DAG_CONNECTIONS", hide_env_values = true)]
    connections: Option<NonZeroUsize>,
    /// An origin whose web pages may use the node, such as `https://board.example`; may be given several times [default: only the node's own]
    #[arg(long, value_name = "ORIGIN", env = "DAG_ALLOW_ORIGIN", hide_env_values = true, value_delimiter = ',')]
    allow_origin: Option<Vec<Origin>>,
    /// A folder that backups may go to, or below; may be given several times [default: none, and so no backups]
    #[arg(long, value_name = "FOLDER", env = "DAG_BACKUP_DIR", hide_env_values = true, value_delimiter = ',')]
    backup_dir: Option<Vec<PathBuf>>,
    /// How log lines on stderr are written [default: text]
    #[arg(long, env = "DAG_LOG_FORMAT", hide_env_values = true)]
    log_format: Option<LogFormat>,
    /// Which log lines are written: error, warn, info, debug, trace, or a filter such as dag_node=debug [default: info]
    #[arg(long, value_name = "LEVEL", env = "DAG_LOG_LEVEL", hide_env_values = true)]
    log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LogFormat {
    Text,
    Json,
}

impl Serve {
    /// Runs the command, until a signal stops the node.
    pub fn run(self) -> anyhow::Result<Exit> {
        let file = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        let settings = self.settings.or(file);
        settings.start_logging()?;
        let config = settings.config()?;
        // Before any thread makes a file: they are all for whoever runs the node.
        umask(Mode::RWXG | Mode::RWXO);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_keep_alive(IDLE_THREAD).enable_all().build()?;
        runtime.block_on(async {
            let stop = stop_signal()?;
            let scheme = if config.tls.is_some() { "https" } else { "http" };
            dag_node::serve(config, stop, |address| announce(scheme, address)).await?;
            Ok(Exit::Done)
        })
    }
}

impl Settings {
    fn read(path: &Path) -> anyhow::Result<Settings> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).map_err(|error| misuse(format!("{}: {error}", path.display())))
    }

    /// These settings, and `other` where they say nothing.
    fn or(self, other: Settings) -> Settings {
        Settings {
            listen: self.listen.or(other.listen),
            insecure: self.insecure.or(other.insecure),
            advertise: self.advertise.or(other.advertise),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            data: self.data.or(other.data),
            workers: self.workers.or(other.workers),
            linger: self.linger.or(other.linger),
            snapshot_interval: self.snapshot_interval.or(other.snapshot_interval),
            operator_memory: self.operator_memory.or(other.operator_memory),
            operator_time: self.operator_time.or(other.operator_time),
            operator_output: self.operator_output.or(other.operator_output),
            memory: self.memory.or(other.memory),
            computation_memory: self.computation_memory.or(other.computation_memory),
            instances: self.instances.or(other.instances),
            component_disk: self.component_disk.or(other.component_disk),
            build_memory: self.build_memory.or(other.build_memory),
            build_time: self.build_time.or(other.build_time),
            disk_reserve: self.disk_reserve.or(other.disk_reserve),
            request_memory: self.request_memory.or(other.request_memory),
            request_time: self.request_time.or(other.request_time),
            connections: self.connections.or(other.connections),
            allow_origin: self.allow_origin.or(other.allow_origin),
            backup_dir: self.backup_dir.or(other.backup_dir),
            log_format: self.log_format.or(other.log_format),
            log_level: self.log_level.or(other.log_level),
        }
    }

    fn start_logging(&self) -> anyhow::Result<()> {
        let level = self.log_level.as_deref().unwrap_or("info");
        let filter = EnvFilter::try_new(level).map_err(|error| misuse(format!("--log-level {level}: {error}")))?;
        match self.log_format.unwrap_or(LogFormat::Text) {
            LogFormat::Text => log::text(filter),
            LogFormat::Json => log::json(filter),
        }
        Ok(())
    }

    fn config(self) -> anyhow::Result<Config> {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7324)));
        let data = self.data.clone().map_or_else(default_data, Ok)?;
        let is_insecure = self.insecure.unwrap_or(false);
        let is_open = !listen.ip().is_loopback() && !is_insecure;
        let tls = match self.tls()? {
            None => self.own_tls(&data, listen, is_open || self.advertise.is_some())?,
            given => given,
        };
        if tls.is_some() && is_insecure {
            return Err(misuse(
                "--insecure is to be without TLS and tokens, and --tls-cert and --advertise with them: say one of the two",
            ));
        }
        if is_open && tls.is_none() {
            return Err(misuse(format!(
                "--listen {listen}: other machines could reach the node there, and it has neither TLS nor tokens; \
                 give it a certificate with --tls-cert and --tls-key, or one of its own authority with `dag init`, or say --insecure if \
                 whoever reaches it may do everything"
            )));
        }
        let disk_reserve = self.disk_reserve.unwrap_or(DEFAULT_DISK_RESERVE);
        if disk_reserve > 99 {
            return Err(misuse(format!("--disk-reserve {disk_reserve}: expected 0 to 99 percent")));
        }
        let requests = self.requests()?;
        let memory = self.memory.unwrap_or_else(usual_memory);
        let quarter = || ComputationMemory::of(ComputationMemory::default().bytes().min(memory.bytes() / 4));
        Ok(Config {
            listen,
            tls,
            data,
            workers: workers(self.workers),
            linger: self.linger.map_or(DEFAULT_LINGER, |span| span.0),
            snapshots: Some(self.snapshot_interval.map_or(DEFAULT_SNAPSHOT_INTERVAL, |span| span.0)),
            limits: LimitSettings {
                memory: self.operator_memory,
                time: self.operator_time,
                output: self.operator_output,
            },
            memory,
            computation_memory: self.computation_memory.unwrap_or_else(quarter),
            disk_reserve,
            requests,
            origins: self.allow_origin.unwrap_or_default(),
            builder: own_builder(bounds(self.build_memory, self.build_time)),
            component_disk: self.component_disk.unwrap_or_default(),
            instances: self.instances,
            backup_dirs: self.backup_dir.unwrap_or_default(),
            rewrites: false,
        })
    }

    /// What the folder's cluster gives a node that others can reach. Its own certificate is renewed in any case.
    fn own_tls(&self, data: &Path, listen: SocketAddr, is_wanted: bool) -> anyhow::Result<Option<Tls>> {
        let Some(mut kept) = Kept::open(&dag_node::cluster_in(data))? else {
            return match self.advertise {
                None => Ok(None),
                Some(_) => Err(misuse("--advertise: this data folder has no authority, which `dag init` gives it")),
            };
        };
        kept.renew(SystemTime::now())?;
        let advertised = self.advertise.as_deref().unwrap_or_default();
        let tls = is_wanted.then(|| Tls::of(OwnAuthority::new(kept, advertised, listen.ip())));
        Ok(tls.transpose()?)
    }

    fn tls(&self) -> anyhow::Result<Option<Tls>> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Tls::of_files(certificate, key)?)),
            (Some(_), None) => Err(misuse("--tls-cert without --tls-key: a certificate is shown with its key")),
            (None, Some(_)) => Err(misuse("--tls-key without --tls-cert: a key is shown with its certificate")),
        }
    }

    fn requests(&self) -> anyhow::Result<Requests> {
        let usual = Requests::default();
        let patience = self.request_time.map_or(usual.patience, |span| span.0);
        if patience < LEAST_PATIENCE {
            return Err(misuse(format!("--request-time: expected {LEAST_PATIENCE:?} or more, found {patience:?}")));
        }
        Ok(Requests {
            memory: self.request_memory.unwrap_or(usual.memory),
            patience,
            connections: self.connections.map_or(usual.connections, NonZeroUsize::get),
        })
    }
}

/// Builds components in processes of this same binary, also where its file has been replaced meanwhile.
pub fn own_builder(bounds: Bounds) -> Builder {
    let command = BuilderCommand {
        program: "/proc/self/exe".into(),
        arguments: vec!["build-component".into()],
        // The allocator can start no thread there.
        environment: vec![("_RJEM_MALLOC_CONF".into(), "background_thread:false".into())],
    };
    Builder::Process { command, bounds }
}

/// What the process of [`own_builder`] does: builds the component that standard input brings.
pub fn build_component() -> anyhow::Result<Exit> {
    dag_node::build_component().map_err(anyhow::Error::from_boxed)?;
    Ok(Exit::Done)
}

/// What may be taken to build a component.
fn bounds(memory: Option<BuildMemory>, time: Option<BuildTime>) -> Bounds {
    let bounds = Bounds::default();
    Bounds {
        memory: memory.map_or(bounds.memory, BuildMemory::bytes),
        cpu: time.map_or(bounds.cpu, BuildTime::duration),
    }
}

/// The number of workers, by default one per core.
fn workers(given: Option<NonZeroUsize>) -> usize {
    given.or(thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// `dag` in the user's data folder, which is where the XDG base directory specification says.
pub fn default_data() -> anyhow::Result<PathBuf> {
    let given = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = given.or_else(|| Some(env::home_dir()?.join(".local/share")));
    Ok(folder.ok_or_else(|| misuse("there is no home folder to keep data in: name a folder with --data"))?.join("dag"))
}

/// Tells where the node listens; whoever started it may wait for that line.
fn announce(scheme: &str, address: SocketAddr) {
    // A node does not depend on anybody reading this.
    let _ = output::line(&format!("listening on {scheme}://{address}"));
}

/// Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            process::exit(Exit::Interrupted as i32);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_counts_where_options_say_nothing() {
        let file: Settings =
            toml::from_str("listen = '127.0.0.1:1'\nlinger = '1m'\noperator-memory = '1GiB'\nlog-format = 'json'")
                .unwrap();
        let options = Settings { listen: Some(SocketAddr::from(([127, 0, 0, 1], 2))), ..Settings::default() };
        let config = options.or(file).config().unwrap();
        assert_eq!((config.listen.port(), config.linger), (2, Duration::from_secs(60)));
        assert_eq!(config.limits.memory, "1GiB".parse().ok());
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused() {
        assert!(toml::from_str::<Settings>("lissten = '127.0.0.1:1'").is_err());
    }

    #[test]
    fn a_limit_out_of_bounds_is_refused_by_name() {
        let refused = |file: &str| toml::from_str::<Settings>(file).unwrap_err().to_string();
        let why = refused("operator-memory = '0MiB'");
        assert!(why.contains("operator-memory") && why.contains("expected 1MiB to 4GiB"), "{why}");
        assert!(refused("operator-time = '0s'").contains("expected 10ms to 1h"));
    }

    #[test]
    fn a_reserve_of_the_whole_disk_is_refused() {
        let settings = Settings { data: Some(PathBuf::from("data")), disk_reserve: Some(100), ..Settings::default() };
        assert!(settings.config().unwrap_err().is::<crate::exit::Misuse>());
    }

    #[test]
    fn an_address_that_others_can_reach_has_to_be_meant() {
        let settings = |insecure| Settings {
            listen: Some(SocketAddr::from(([0, 0, 0, 0], 7324))),
            data: Some(PathBuf::from("data")),
            insecure,
            ..Settings::default()
        };
        assert!(settings(None).config().unwrap_err().is::<crate::exit::Misuse>());
        assert!(settings(Some(true)).config().is_ok());
    }
}
