//! Versions of components that show which of them made a record.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::component::build_component;

/// A version of a component under test: `version/tally.rs` or `version/steps.rs` behind what differs between versions.
pub struct Version {
    /// Three numbers.
    pub number: &'static str,
    /// Added to each result, so that it shows which version made it.
    pub offset: i64,
    /// The version of the state that is written, and those that are read.
    pub state: (u32, &'static [u32]),
    /// Whether `tally` fails on the state that it says it reads.
    pub refuses: bool,
    /// How far `tally` counts before it fails.
    pub fails_at: i64,
}

/// The first one.
pub const ONE: Version = Version { number: "1.0.0", offset: 0, state: (1, &[1]), refuses: false, fails_at: i64::MAX };
/// Reads the first one's state.
pub const TWO: Version = Version { number: "2.0.0", offset: 1_000_000, ..ONE };
/// Reads no state but its own.
pub const THREE: Version = Version { number: "3.0.0", offset: 3_000_000, state: (3, &[3]), ..ONE };
/// Says that it reads the state, and does not.
pub const FOUR: Version = Version { number: "4.0.0", offset: 4_000_000, refuses: true, ..ONE };

impl Version {
    fn constants(&self) -> String {
        let Version { number, offset, state: (written, read), refuses, fails_at } = self;
        format!(
            "const VERSION: &str = \"{number}\";\nconst OFFSET: i64 = {offset};\nconst WRITTEN: u32 = {written};\n\
             const READ: &[u32] = &{read:?};\n#[allow(dead_code)]\nconst REFUSES: bool = {refuses};\n#[allow(dead_code)]\nconst FAILS_AT: i64 = {fails_at};\n"
        )
    }

    /// The component `count-kit` with these operators of `version/tally.rs`.
    pub fn tally(&self, operators: &str) -> String {
        let source = format!(
            "{}dag_guest::export_aggregates!(component = \"count-kit\", version = VERSION, \
             [{operators}]);\nmod tally {{ use super::*; {} }}\nuse tally::*;\n",
            self.constants(),
            include_str!("version/tally.rs").replace("//! ", "// ")
        );
        build("tally", &source)
    }

    /// The component `walk` with `mark`, and with `steps`, which takes these arguments and gives a column of that name.
    pub fn steps(&self, arguments: &str, result: &str) -> String {
        let source = format!(
            "{}const RESULT: &str = {result:?};\ndag_guest::arguments! {{\n/// What `steps` takes.\npub struct StepsArguments {{\n\
             {arguments}\n}}\n}}\ndag_guest::export_transforms!(component = \"walk\", version = VERSION, [Steps, Mark]);\n{}",
            self.constants(),
            include_str!("version/steps.rs").replace("//! ", "// ")
        );
        build("steps", &source)
    }
}

/// What `steps` takes unless a version changes it.
pub const BY: &str = "/// Counted for each record.\nnamed by: i64 = \"1\",";

/// Each source is a crate of its own, so that tests that need it build it once.
pub fn build(name: &str, source: &str) -> String {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let name = format!("{name}-{:x}", hasher.finish());
    build_component(&name, source).to_str().expect("it is UTF-8").to_owned()
}
