//! Components that misbehave; `tests/hostile/` has their sources.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::build_component;

/// The source of such a component: its own part, and what all share.
macro_rules! source {
    ($own:literal) => {
        concat!(include_str!(concat!("../hostile/", $own)), include_str!("../hostile/shared.rs"))
    };
}

/// Transforms of one or two inputs that pass records on, each until it meets the value 13.
pub fn transforms() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_component("hostile-transforms", source!("transforms.rs")))
}

/// Aggregates that count records, each until it meets the value 13.
pub fn aggregates() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_component("hostile-aggregates", source!("aggregates.rs")))
}

/// A component that misbehaves in that way when it is described.
pub fn describing(way: &str) -> PathBuf {
    let source = format!("{}\nconst WAY: &str = \"{way}\";\n", source!("describing.rs"));
    build_component(&format!("hostile-describing-{way}"), &source)
}
