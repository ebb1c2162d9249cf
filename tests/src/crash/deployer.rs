//! Somebody who deploys one version of a component after the other.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::shared::Shared;
use crate::fixture;
use crate::http::Http;

/// The component of the first version's fixture, which exports `rms`.
const COMPONENT: &str = "data-1/data/components/3d3ac4a4014189ee58032c0d93a14f925b8f809d5419626c19049d65b9c381d2.wasm";

/// What it says its version is, once in its bytes.
const VERSION: &[u8] = b"1.0.0";

/// How many versions there are.
const VERSIONS: u64 = 900;

/// Between two deployments.
const EVERY: Duration = Duration::from_millis(250);

/// The bytes of its version `a.b.c` for the number `abc` less 100: another component with the same operators.
pub(super) fn version(number: u64) -> Vec<u8> {
    assert!(number < VERSIONS, "one digit each");
    let mut bytes = fs::read(fixture::path(COMPONENT)).expect("the fixture is in the repository");
    let at = bytes.windows(VERSION.len()).position(|window| window == VERSION).expect("it says its version");
    bytes[at..at + VERSION.len()]
        .copy_from_slice(format!("{}.{}.{}", 1 + number / 100, number / 10 % 10, number % 10).as_bytes());
    bytes
}

/// Deploys versions from 1 on, each until it is acknowledged, until told to stop.
pub(super) fn deploy(http: &Http, shared: &Shared) {
    for number in 1..VERSIONS {
        let bytes = version(number);
        shared.until_answered(|| http.try_post("components", &[], "application/wasm", &bytes));
        if shared.done.load(Ordering::SeqCst) {
            return;
        }
        shared.rest(EVERY);
    }
}
