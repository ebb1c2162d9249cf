//! `dag init`: makes a cluster of a data folder.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use dag_transport::identity::Kept;

use crate::commands::serve::default_data;
use crate::exit::Exit;
use crate::output;

/// Make a cluster of a data folder, with streams in it or not, and give it an authority that signs certificates
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag init
  dag init --data /var/lib/dag
  dag serve --data /var/lib/dag --listen 0.0.0.0:7324 --advertise dag.example.com
  dag status --node https://dag.example.com:7324 --ca ca.pem --token-file admin.token

No node may run on the folder meanwhile. From then on a node on it that listens where other machines can reach it shows clients a certificate of this authority, which they
believe with --ca and the file that is named here. Whoever has the key beside that file can be any node of the cluster. A node that listens on this machine only goes on as before."#)]
pub struct Init {
    /// Where data lies [default: dag in the user's data folder]
    #[arg(long, value_name = "FOLDER", env = "DAG_DATA", hide_env_values = true)]
    data: Option<PathBuf>,
    /// Print what was made as JSON
    #[arg(long)]
    json: bool,
}

impl Init {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let data = self.data.map_or_else(default_data, Ok)?;
        let held = dag_node::hold(&data)?;
        let kept = Kept::found(&dag_node::cluster_in(&data), SystemTime::now())?;
        drop(held);
        let (identity, ca) = (kept.identity(), kept.authority_file());
        let (cluster, node) = (identity.cluster.to_string(), identity.node.0);
        if self.json {
            output::json(&serde_json::json!({ "cluster": cluster, "node": node, "ca": ca }))?;
            return Ok(Exit::Done);
        }
        output::line(&format!("cluster {cluster}, of which this is node {node}"))?;
        output::line(&format!("clients believe its nodes with --ca {}", ca.display()))?;
        Ok(Exit::Done)
    }
}
