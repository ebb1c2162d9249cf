//! Operators built outside the workspace, as a user builds them: a crate with the SDK as its only dependency; and those that `make guests` builds in other
//! languages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds a crate of that name with this `src/lib.rs` for WebAssembly, and returns the module, which `dag deploy` takes. The SDK is
/// compiled once for all of them.
///
/// # Panics
/// If it does not build.
#[track_caller]
pub fn build_component(name: &str, source: &str) -> PathBuf {
    // Tests of one process that build the same crate write the same files.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository");
    let target = target_folder();
    let package = target.join("sources").join(name);
    fs::create_dir_all(package.join("src")).expect("the target folder is writable");
    write(&package.join("Cargo.toml"), &manifest(name, repository));
    write(&package.join("src/lib.rs"), source);
    // The versions that the workspace has are those that are there without a network.
    fs::copy(repository.join("Cargo.lock"), package.join("Cargo.lock")).expect("the workspace is locked");

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--offline", "--target", TARGET, "--manifest-path"]);
    cargo.arg(package.join("Cargo.toml")).arg("--target-dir").arg(&target).current_dir(&package);
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let sysroot = repository.join("target/wasm-sysroot");
    if sysroot.is_dir() {
        // Where rustup could not install the target's standard library; see `make setup`.
        let flags = format!("--sysroot={}", sysroot.display());
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    }
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&output.stderr));
    target.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")))
}

/// The operators in another language of that name that `make guests` built; none, and a word on standard output, where it has not.
pub fn guest(name: &str) -> Option<PathBuf> {
    let path = guests().join(name).with_extension("wasm");
    if !path.is_file() {
        println!("skipped: `make guests` builds {name}");
        return None;
    }
    Some(path)
}

/// Where `make guests` leaves what it builds and fetches: `target/guests`.
pub fn guests() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it lies");
    test.ancestors().nth(3).expect("tests lie in target/<profile>/deps").join("guests")
}

/// Writes a file unless it is there: cargo builds again what is newer than what it built.
fn write(path: &Path, text: &str) {
    if fs::read(path).ok().as_deref() != Some(text.as_bytes()) {
        fs::write(path, text).expect("the target folder is writable");
    }
}

fn manifest(name: &str, repository: &Path) -> String {
    let sdk = repository.join("guest-sdk/rust");
    format!(
        r#"[package]
name = "{name}"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
dag-guest = {{ path = "{}" }}

[workspace]
"#,
        sdk.display()
    )
}

/// One folder for all tests, beside the profile's: `target/test-components`.
fn target_folder() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it lies");
    test.ancestors().nth(3).expect("tests lie in target/<profile>/deps").join("test-components")
}
