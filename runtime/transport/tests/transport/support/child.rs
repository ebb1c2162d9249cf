//! A node in a process of its own, to be killed.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{env, fs};

use dag_transport::identity::{ClusterId, Credentials, Key, Trust};
use dag_transport::{Config, ResetKey, SystemResolver};

use super::{LOOPBACK, Node, Town};

/// Set in the child: the folder with what it needs.
const FOLDER: &str = "DAG_TRANSPORT_TEST_NODE";

/// A node in another process. It ends with this.
pub struct Elsewhere {
    child: Child,
    pub control: SocketAddr,
    pub data: SocketAddr,
}

/// Starts it at an address, and waits until it listens.
pub fn start(town: &Town, node: u64, boot: u64, folder: &Path, at: [SocketAddr; 2]) -> Elsewhere {
    let own = town.credentials(node);
    fs::write(folder.join("certificate"), &own.certificate).unwrap();
    fs::write(folder.join("key"), own.key.to_pkcs8()).unwrap();
    fs::write(folder.join("authority"), town.authority.certificate()).unwrap();
    fs::write(folder.join("settings"), format!("{}\n{boot}\n{}\n{}", town.cluster, at[0], at[1])).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "support::child::a_node_elsewhere", "--nocapture"]).env(FOLDER, folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| Some(line.unwrap().split_once("listens at ")?.1.to_owned())).unwrap();
    let (control, data) = said.split_once(' ').unwrap();
    Elsewhere { child, control: control.parse().unwrap(), data: data.parse().unwrap() }
}

impl Elsewhere {
    /// By SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the child does: nothing in the tests themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_elsewhere() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let settings = fs::read_to_string(folder.join("settings")).unwrap();
    let mut settings = settings.lines();
    let cluster: ClusterId = settings.next().unwrap().parse().unwrap();
    let boot = settings.next().unwrap().parse().unwrap();
    let listen = [(); 2].map(|()| settings.next().unwrap().parse().unwrap_or(LOOPBACK));
    let key = Key::from_pkcs8(&fs::read(folder.join("key")).unwrap()).unwrap();
    let certificate = fs::read(folder.join("certificate")).unwrap().into();
    let node = Node::start(Config {
        listen,
        advertise: None,
        credentials: Credentials { certificate, key: Arc::new(key) },
        trust: Trust::in_authority(cluster, fs::read(folder.join("authority")).unwrap().into()),
        reset_key: ResetKey([9; 32]),
        boot,
        versions: 1..=1,
        resolver: Arc::new(SystemResolver),
    });
    let [control, data] = node.transport.listens_at();
    println!("listens at {control} {data}");
    // Until it is killed, or whoever started it is gone.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    std::process::exit(0);
}
