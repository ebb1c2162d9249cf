//! Maps that are the same in every run.
//!
//! The standard library seeds its maps' hashers from addresses on wasm32 and from the system elsewhere, so two runs would
//! iterate differently. These use a fixed seed, and still: **never emit in map order**, which changes with capacity and
//! with the library's version. Emit in the order of the input, or keep a `BTreeMap`.

use std::hash::BuildHasherDefault;

/// A hash map with a fixed seed.
pub type FixedMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<rustc_hash::FxHasher>>;

/// A hash set with a fixed seed.
pub type FixedSet<K> = std::collections::HashSet<K, BuildHasherDefault<rustc_hash::FxHasher>>;
