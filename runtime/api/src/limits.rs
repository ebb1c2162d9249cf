//! Limits on what an operator's instances may use: how one writes them, and what a deployment says instead of the node.
//!
//! Limits are texts wherever people and files have them: `256MiB`, `10s`. Each kind has bounds of its own; what lies outside is
//! refused with them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use dag_expr::syntax::duration;
use dag_model::text::size;
use serde::{Deserialize, Serialize};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Bytes of linear memory that one instance may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory(u64);

/// How long one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallTime(Duration);

/// How long a deployment waits for what it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wait(Duration);

impl Wait {
    /// The longest.
    pub const LONGEST: Duration = Duration::from_secs(60);
}

impl Default for Wait {
    fn default() -> Wait {
        Wait(Wait::LONGEST)
    }
}

/// Bytes that one call may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Output(u64);

/// Bytes that the host may hold in memory for one computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComputationMemory(u64);

impl Default for ComputationMemory {
    fn default() -> ComputationMemory {
        ComputationMemory(512 * MIB)
    }
}

/// Bytes that all computations of a node may take together, with their operators' instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllMemory(u64);

/// Bytes of memory that building a component may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildMemory(u64);

/// Bytes on disk that all components may take together, with their compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentDisk(u64);

impl Default for ComponentDisk {
    /// Forty components of the largest kind that is known.
    fn default() -> ComponentDisk {
        ComponentDisk(4 * GIB)
    }
}

/// Bytes that all requests may take together: bodies, what they come to, answers that wait to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestMemory(u64);

impl Default for RequestMemory {
    fn default() -> RequestMemory {
        RequestMemory(256 * MIB)
    }
}

/// Processor time that building a component may take, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildTime(Duration);

/// What a node or a deployment says of limits. What it does not say is as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Bytes of linear memory that one instance may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// How long one call may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<CallTime>,
    /// Bytes that one call may return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

impl LimitSettings {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == LimitSettings::default()
    }

    /// These, and `other` where they say nothing.
    pub fn or(self, other: LimitSettings) -> LimitSettings {
        LimitSettings {
            memory: self.memory.or(other.memory),
            time: self.time.or(other.time),
            output: self.output.or(other.output),
        }
    }
}

impl FromStr for Memory {
    type Err = String;

    /// A guest of the SDK begins with a little more than a mebibyte, and 32-bit memory ends at four gibibytes.
    fn from_str(text: &str) -> Result<Memory, String> {
        bytes_of(text, MIB..=4 * GIB).map(Memory)
    }
}

impl FromStr for ComputationMemory {
    type Err = String;

    /// Below, what comes of a single step of an operator would not find room.
    fn from_str(text: &str) -> Result<ComputationMemory, String> {
        bytes_of(text, 16 * MIB..=1024 * GIB).map(ComputationMemory)
    }
}

impl FromStr for AllMemory {
    type Err = String;

    /// Four computations of the least memory.
    fn from_str(text: &str) -> Result<AllMemory, String> {
        bytes_of(text, 64 * MIB..=1024 * GIB).map(AllMemory)
    }
}

impl FromStr for Output {
    type Err = String;

    /// A frame's length is a 32-bit number, and the host holds as much again while it checks one.
    fn from_str(text: &str) -> Result<Output, String> {
        bytes_of(text, 4 * KIB..=GIB).map(Output)
    }
}

impl FromStr for CallTime {
    type Err = String;

    fn from_str(text: &str) -> Result<CallTime, String> {
        time(text, Duration::from_millis(10)..=Duration::from_secs(3600)).map(CallTime)
    }
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Wait, String> {
        time(text, Duration::from_millis(1)..=Wait::LONGEST).map(Wait)
    }
}

impl FromStr for BuildMemory {
    type Err = String;

    /// The process that builds has a stack of 32 MiB, and the engine takes some more.
    fn from_str(text: &str) -> Result<BuildMemory, String> {
        bytes_of(text, 64 * MIB..=64 * GIB).map(BuildMemory)
    }
}

impl FromStr for ComponentDisk {
    type Err = String;

    /// What is embedded in the binary has some of it.
    fn from_str(text: &str) -> Result<ComponentDisk, String> {
        bytes_of(text, 16 * MIB..=1024 * GIB).map(ComponentDisk)
    }
}

impl FromStr for RequestMemory {
    type Err = String;

    /// Below some mebibytes, no body of more than a few thousand records would be taken.
    fn from_str(text: &str) -> Result<RequestMemory, String> {
        bytes_of(text, 4 * MIB..=1024 * GIB).map(RequestMemory)
    }
}

impl FromStr for BuildTime {
    type Err = String;

    /// The system counts it in seconds.
    fn from_str(text: &str) -> Result<BuildTime, String> {
        let time = time(text, Duration::from_secs(1)..=Duration::from_secs(3600))?;
        if time.subsec_nanos() > 0 {
            return Err(format!("expected whole seconds, found `{text}`"));
        }
        Ok(BuildTime(time))
    }
}

/// The time that `text` tells, if it lies within `bounds`.
fn time(text: &str, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
    let ns = dag_expr::argument::duration(text).map_err(|error| error.to_string())?;
    let time = u64::try_from(ns).map(Duration::from_nanos).ok();
    time.filter(|time| bounds.contains(time))
        .ok_or_else(|| format!("expected {} to {}, found `{text}`", span(*bounds.start()), span(*bounds.end())))
}

const UNITS: [(&str, u64); 4] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];

/// The bytes that `text` tells, if they lie within `bounds`.
pub(crate) fn bytes_of(text: &str, bounds: RangeInclusive<u64>) -> Result<u64, String> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, scale)| *scale);
    let (Some(scale), false) = (scale, number.is_empty()) else {
        return Err(format!("expected a whole number of B, KiB, MiB or GiB, such as 256MiB, found `{text}`"));
    };
    // A number that 64 bits do not hold is out of any bounds.
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale));
    bytes
        .filter(|bytes| bounds.contains(bytes))
        .ok_or_else(|| format!("expected {} to {}, found `{text}`", size(*bounds.start()), size(*bounds.end())))
}

fn span(time: Duration) -> String {
    duration::canonical(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for ComputationMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for AllMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for CallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span(self.0))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span(self.0))
    }
}

impl fmt::Display for BuildMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for ComponentDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for RequestMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

impl fmt::Display for BuildTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span(self.0))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.0))
    }
}

/// What a limit comes to.
macro_rules! counts {
    ($($name:ty: $what:ident -> $count:ty),*) => {$(
        impl $name {
            /// A limit that applies already: not held against the bounds of what people write.
            pub const fn of($what: $count) -> $name {
                Self($what)
            }

            /// What it comes to.
            pub const fn $what(self) -> $count {
                self.0
            }
        }
    )*};
}

counts!(
    Memory: bytes -> u64,
    CallTime: duration -> Duration,
    Wait: duration -> Duration,
    Output: bytes -> u64,
    ComputationMemory: bytes -> u64,
    AllMemory: bytes -> u64,
    BuildMemory: bytes -> u64,
    BuildTime: duration -> Duration,
    ComponentDisk: bytes -> u64,
    RequestMemory: bytes -> u64
);

/// serde's way through text.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<$name, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(limit: $name) -> String {
                limit.to_string()
            }
        }
    )*};
}

as_text!(
    Memory,
    CallTime,
    Wait,
    Output,
    ComputationMemory,
    AllMemory,
    BuildMemory,
    BuildTime,
    ComponentDisk,
    RequestMemory
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_it_is_written() {
        for text in ["1MiB", "256MiB", "4GiB", "1025KiB", "1048577B"] {
            assert_eq!(text.parse::<Memory>().map(|memory| memory.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("1024 MiB".parse::<Memory>().map(|memory| memory.to_string()).as_deref(), Ok("1GiB"));
        assert_eq!("1500ms".parse::<CallTime>().map(|time| time.to_string()).as_deref(), Ok("1s500ms"));
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_would_be_one() {
        let memory = |text: &str| text.parse::<Memory>().unwrap_err();
        for text in ["256MB", "256", "MiB", "", "-1MiB", "1.5GiB", "256mib"] {
            assert!(memory(text).contains("such as 256MiB"), "{text}: {}", memory(text));
        }
        for text in ["0B", "0MiB", "1023KiB", "5GiB", "99999999999999999999GiB"] {
            assert_eq!(memory(text), format!("expected 1MiB to 4GiB, found `{text}`"));
        }
        assert_eq!("2GiB".parse::<Output>().unwrap_err(), "expected 4KiB to 1GiB, found `2GiB`");
        for text in ["0s", "9ms", "2h", "-1s"] {
            assert_eq!(text.parse::<CallTime>().unwrap_err(), format!("expected 10ms to 1h, found `{text}`"));
        }
        assert!("10".parse::<CallTime>().is_err());
    }

    #[test]
    fn settings_come_back_from_json() {
        let text = r#"{"memory":"1GiB","time":"2s"}"#;
        let settings: LimitSettings = serde_json::from_str(text).unwrap();
        let (memory, time) = (Some(Memory(1 << 30)), Some(CallTime(Duration::from_secs(2))));
        assert_eq!(settings, LimitSettings { memory, time, output: None });
        assert_eq!(serde_json::to_string(&settings).unwrap(), text);
    }
}
