//! Builds the guest crates for wasm32-unknown-unknown, makes components of them, and leaves these in `OUT_DIR`.
//!
//! The guests have a profile, a target and features of their own, so a cargo of its own builds them, in a target folder of
//! its own: the outer cargo holds the lock of the outer one. All of the outer folder's profiles share it, so that `cargo
//! test`, `clippy` and `doc` build the guests once.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";

/// The guests: the component's file, and the crate's name.
/// The last two are for tests: the SDK's examples, and operators that break their contract.
const GUESTS: [(&str, &str); 4] = [
    ("aggregates", "dag_aggregates"),
    ("transforms", "dag_transforms"),
    ("examples", "dag_examples"),
    ("faults", "dag_faults"),
];

/// What the guests are made of, from the repository's root.
const SOURCES: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "operators/aggregates",
    "operators/transforms",
    "guest-sdk/rust",
    "tests/faults/rust",
    "runtime/expr",
    "runtime/frame",
    "wit",
];

fn main() -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("operators/ lies in the repository")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", repository.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let target = guests_target(&out);
    build_guests(repository, &target, &rust_flags(repository)?)?;
    for (name, library) in GUESTS {
        let module = target.join(TARGET).join("operator").join(format!("{library}.wasm"));
        let module = fs::read(&module).with_context(|| format!("reading {}", module.display()))?;
        let component = ComponentEncoder::default().validate(true).module(&module)?.encode();
        let component = component.with_context(|| format!("making a component of {library}"))?;
        fs::write(out.join(format!("{name}.wasm")), component)?;
    }
    Ok(())
}

/// The guests' target folder: beside the outer one's profiles, whichever of them this is.
fn guests_target(out: &Path) -> PathBuf {
    let outer = out.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").is_file()).last();
    outer.unwrap_or(out).join("operators-build")
}

/// The compiler's flags that make it find the target's standard library.
fn rust_flags(repository: &Path) -> Result<String> {
    let rustc = env::var_os("RUSTC").context("cargo sets RUSTC")?;
    let printed = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    ensure!(printed.status.success(), "rustc does not know {TARGET}");
    let installed = PathBuf::from(String::from_utf8(printed.stdout)?.trim());
    if installed.is_dir() {
        return Ok(String::new());
    }
    let sysroot = repository.join("target/wasm-sysroot");
    println!("cargo::rerun-if-changed={}", sysroot.display());
    if !sysroot.is_dir() {
        bail!("the standard library for {TARGET} is missing, which the operators are built against; run: make setup");
    }
    Ok(format!("--sysroot={}", sysroot.display()))
}

/// Runs cargo on both guests.
fn build_guests(repository: &Path, target: &Path, rust_flags: &str) -> Result<()> {
    let mut cargo = Command::new(env::var_os("CARGO").context("cargo sets CARGO")?);
    // What the outer cargo set for this script, or was told about its own build, is not meant for the guests.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let kept = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
        let leaks = [
            "CARGO",
            "RUSTFLAGS",
            "RUSTDOCFLAGS",
            "RUSTC",
            "CLIPPY_",
            "OUT_DIR",
            "PROFILE",
            "OPT_LEVEL",
            "DEBUG",
            "TARGET",
        ];
        if leaks.iter().any(|leak| text.starts_with(leak)) && !kept.iter().any(|kept| text.starts_with(kept)) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(repository).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", rust_flags);
    cargo.args(["build", "--quiet", "--locked", "--lib", "--profile", "operator", "--target", TARGET, "--target-dir"]);
    cargo.arg(target);
    for (_, library) in GUESTS {
        cargo.args(["--package", &library.replace('_', "-")]);
    }
    let status = cargo.status().context("running cargo for the guests")?;
    ensure!(status.success(), "the operators do not build for {TARGET}; see above");
    Ok(())
}
