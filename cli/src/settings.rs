//! Settings of a source stream that the command line gives when it is made, and changes while it lives.

use clap::{Args, ValueEnum};
use dag_api::{AlterRetention, AlterStream};

/// What holds of a stream's records from now on.
#[derive(Debug, Default, Args)]
pub struct SettingsArgs {
    /// How far a publisher's records may lie behind its latest one
    #[arg(long, value_name = "DURATION")]
    pub out_of_order: Option<String>,
    /// How long records are kept; `none` for ever
    #[arg(long, value_name = "DURATION")]
    pub retention: Option<String>,
    /// How many bytes of records are kept; 0 for no limit but the disk
    #[arg(long, value_name = "BYTES")]
    pub retention_bytes: Option<u64>,
    /// How far past the node's clock a live record may be
    #[arg(long, value_name = "DURATION")]
    pub max_ahead: Option<String>,
    /// How long a named publisher may be silent before it stops holding the frontier
    #[arg(long, value_name = "DURATION")]
    pub idle: Option<String>,
    /// Who moves time on when no publisher speaks
    #[arg(long)]
    pub clock: Option<Clock>,
}

/// Who moves time on when no publisher speaks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Clock {
    /// The node's own clock
    Node,
    /// Nobody
    Publishers,
}

impl SettingsArgs {
    /// As the API takes them; what is not given is left to the node.
    pub fn given(&self) -> AlterStream {
        let SettingsArgs { out_of_order, retention, retention_bytes, max_ahead, idle, clock } = self;
        let retention = (retention.is_some() || retention_bytes.is_some())
            .then(|| AlterRetention { age: retention.clone(), bytes: *retention_bytes });
        AlterStream {
            out_of_order: out_of_order.clone(),
            max_ahead: max_ahead.clone(),
            idle: idle.clone(),
            clock: clock.map(|clock| match clock {
                Clock::Node => dag_api::Clock::Node,
                Clock::Publishers => dag_api::Clock::Publishers,
            }),
            retention,
            ..AlterStream::default()
        }
    }
}
