//! How a source stream is made, which is also how its settings are kept.

use serde::{Deserialize, Serialize};

use super::stream::Column;

/// The parameters of `POST /v1/streams`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreateParameters {
    /// A stream of that name that is there will do, whatever it is like.
    pub if_not_exists: bool,
}

/// The body of `POST /v1/streams`, and a source's settings as they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateStream {
    /// The stream's name, without quotes.
    pub name: String,
    /// Its columns besides the time.
    pub schema: Vec<Column>,
    /// Where records have their time; null for the time of their arrival.
    #[serde(default = "TimeColumn::usual")]
    pub time: Option<TimeColumn>,
    /// How far a publisher's records may lie behind its latest: `30s`.
    #[serde(default = "none")]
    pub out_of_order: String,
    /// How far past the node's clock a live record may be.
    #[serde(default = "ten_minutes")]
    pub max_ahead: String,
    /// How long a named publisher may be silent before it is taken to have left.
    #[serde(default = "thirty_seconds")]
    pub idle: String,
    /// Who speaks for the stream when no publisher does.
    #[serde(default)]
    pub clock: Clock,
    /// How long records are kept.
    #[serde(default)]
    pub retention: Retention,
    /// When records count as kept.
    #[serde(default)]
    pub durability: Durability,
}

/// The column that holds a record's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeColumn {
    /// Its name; by default `time`, `timestamp` or `ts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What an integer counts.
    #[serde(default)]
    pub unit: dag_codec::TimeUnit,
}

impl TimeColumn {
    #[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
    fn usual() -> Option<TimeColumn> {
        Some(TimeColumn::default())
    }
}

/// Who speaks for a stream when no publisher does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Nobody: its frontier waits for the next publisher.
    #[default]
    Publishers,
    /// The node, by its own clock.
    Node,
}

/// How long records are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Since they were appended: `7d`; null or `none` for ever.
    #[serde(default = "seven_days")]
    pub age: Option<String>,
    /// At most so many bytes of them; null or 0 for any number.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl Retention {
    /// Without the limits of which the request says that there are none.
    pub fn plain(self) -> Retention {
        Retention { age: self.age.filter(|age| age != "none"), bytes: self.bytes.filter(|bytes| *bytes > 0) }
    }
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { age: seven_days(), bytes: None }
    }
}

/// When records count as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When they are on the disk.
    #[default]
    Fsync,
    /// When the operating system has them.
    Os,
}

fn none() -> String {
    "0s".to_owned()
}

fn ten_minutes() -> String {
    "10m".to_owned()
}

fn thirty_seconds() -> String {
    "30s".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn seven_days() -> Option<String> {
    Some("7d".to_owned())
}
