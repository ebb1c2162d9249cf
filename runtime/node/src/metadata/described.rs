//! What is kept of a component besides its bytes, in the metadata, so that it is asked once what it is: when it is deployed.
//!
//! Persisted as JSON. `format` is the version of that; what is of another is as good as not there, and the component is asked once more.

use dag_api::limits::LimitSettings;
use dag_model::Digest;
use dag_wasm::{Built, Description};
use serde::{Deserialize, Serialize};

/// The version of what is written.
const FORMAT: u32 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    format: u32,
    /// The digest of the bytes that were sent, which is another than the component's where these were a core module.
    sent: String,
    /// What it might use to say what it is.
    limits: LimitSettings,
    /// What it said.
    description: Description,
}

impl Described {
    /// What a component said that was built of bytes with the digest `sent`, within these limits.
    pub fn new(built: &Built, sent: Digest, limits: LimitSettings) -> Described {
        Described { format: FORMAT, sent: sent.to_string(), limits, description: built.description.clone() }
    }

    /// What was kept so; none where it is of another format or damaged.
    pub fn read(json: &[u8]) -> Option<Described> {
        serde_json::from_slice::<Described>(json).ok().filter(|described| described.format == FORMAT)
    }

    /// The digest of the bytes that were sent.
    pub fn sent(&self) -> Option<Digest> {
        self.sent.parse().ok()
    }

    /// Within what it could say what it is.
    pub fn limits(&self) -> LimitSettings {
        self.limits
    }

    /// What it said.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first version wrote it.
    const WRITTEN: &str = r#"{"format":1,"sent":"0707070707070707070707070707070707070707070707070707070707070707",
        "limits":{"memory":"256MiB","time":"10s","output":"64MiB"},
        "description":{"name":"electric","version":"1.0.0","signatures":[{"component":"electric","name":"rms","kind":"aggregate",
        "doc":"The root mean square.","example":"rms(x, 1s)","min-inputs":1,"max-inputs":1,"parameters":[{"name":"of","kind":"column",
        "required":false,"positional":true,"repeated":false,"default":"value","doc":"What."}],"key":null,"state-written":1,"state-read":[1]}]}}"#;

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let described = Described::read(WRITTEN.as_bytes()).unwrap();
        let limits =
            LimitSettings { memory: "256MiB".parse().ok(), time: "10s".parse().ok(), output: "64MiB".parse().ok() };
        assert_eq!((described.sent(), described.limits()), (Some(Digest([7; 32])), limits));
        let description = described.description();
        assert_eq!((description.name.as_str(), description.version.to_string().as_str()), ("electric", "1.0.0"));
        assert_eq!(description.signatures[0].parameters[0].default.as_deref(), Some("value"));
        let written = serde_json::to_vec(&described).unwrap();
        assert_eq!(Described::read(&written), Some(described));
    }

    #[test]
    fn what_another_version_wrote_or_a_disk_damaged_is_asked_once_more() {
        assert_eq!(Described::read(WRITTEN.replace("\"format\":1", "\"format\":2").as_bytes()), None);
        assert_eq!(Described::read(&WRITTEN.as_bytes()[..100]), None);
    }
}
