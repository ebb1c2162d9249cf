//! The examples of the crates run: each checks what it shows.

use std::env;
use std::process::Command;

#[test]
fn each_example_runs_to_its_end() {
    // Cargo builds them with the tests, beside which they lie.
    let test = env::current_exe().expect("a test knows where it lies");
    let folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join("examples");
    for name in ["linger", "windows", "pipe"] {
        let path = folder.join(name);
        assert!(path.is_file(), "{} is missing: run `cargo build --workspace --examples` first", path.display());
        let output = Command::new(&path).output().expect("it can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !output.stdout.is_empty(), "{name}: {said}");
    }
}
