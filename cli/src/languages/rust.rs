//! Rust: cargo, for a target without a system.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use super::{Build, Form, Language};
use crate::project::Project;
use crate::project::embedded;
use crate::project::step::Step;
use crate::project::tool::{Tool, Version};

/// The target of components.
const TARGET: &str = "wasm32-unknown-unknown";
/// Makes the target's standard library available, in the folder that is its argument where rustup does not have it.
const SETUP: &str = include_str!("../../../.ci/setup-wasm");

/// Rust.
pub const RUST: Language = Language {
    name: "rust",
    title: "Rust",
    templates: "rust",
    words: &["Self"],
    tools: &[Tool {
        program: "cargo",
        version: &["--version"],
        least: Version(1, 95),
        below: None,
        purpose: "operators in Rust are compiled with it",
        how_to_get: "get Rust 1.95 or later at https://rustup.rs",
    }],
    sdk: embedded::RUST,
    build,
    test: |_| Ok(vec![Step::new("cargo", ["test", "--quiet"])]),
    setup,
};

fn build(project: &Project) -> Result<Build> {
    let library = project.manifest.name.replace('-', "_");
    let made = PathBuf::from("target").join(TARGET).join("release").join(library).with_extension("wasm");
    let mut build = Step::new("cargo", ["build", "--release", "--lib", "--target", TARGET]);
    build = build.or_else("the first build fetches crates, which takes a network");
    // What is set for other builds must not reach this one.
    build = build.with("CARGO_TARGET_DIR", "target");
    if let Some(sysroot) = sysroot()? {
        build = build.with("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
    }
    Ok(Build { steps: vec![build], made, form: Form::Typed })
}

/// Where the target's standard library is, if that is not where the compiler looks for it.
fn sysroot() -> Result<Option<PathBuf>> {
    let installed = printed(&["--print", "target-libdir", "--target", TARGET])?;
    if Path::new(installed.trim()).is_dir() {
        return Ok(None);
    }
    let built = cache()?.join("target/wasm-sysroot");
    let version = printed(&["-vV"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default();
    match std::fs::read_to_string(built.join("commit")) {
        Ok(of) if of.trim() == commit => Ok(Some(built)),
        _ => bail!(
            "the standard library for {TARGET} is missing, which operators are built against\nget it with `rustup target add {TARGET}`, or, where rustup's \
             server cannot be reached, with `dag build --setup`"
        ),
    }
}

fn setup() -> Result<()> {
    let cache = cache()?;
    let mut script = Command::new("bash");
    script.args(["-c", SETUP, "setup-wasm"]).arg(&cache).stdin(Stdio::null()).stdout(std::io::stderr());
    let status = script.status().context("cannot run bash")?;
    if status.success() { Ok(()) } else { bail!("the standard library for {TARGET} cannot be had; why stands above") }
}

/// A folder of dag's own in the user's cache.
fn cache() -> Result<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home);
    Ok(cache.ok_or_else(|| anyhow!("neither XDG_CACHE_HOME nor HOME is set"))?.join("dag"))
}

/// What the compiler says of itself.
fn printed(arguments: &[&str]) -> Result<String> {
    let printed = Command::new("rustc").args(arguments).stdin(Stdio::null()).output().context("cannot run rustc")?;
    if !printed.status.success() {
        bail!("rustc {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&printed.stderr).trim());
    }
    Ok(String::from_utf8(printed.stdout)?)
}
