//! What of the checkout lies in the binary, so that a project needs no checkout: templates, SDKs, and the interface.
//!
//! `cli/build.rs` says which files they are.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A folder of the checkout and where it goes in a project.
pub struct SdkFolder {
    /// From the project's folder.
    to: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

impl SdkFolder {
    /// Its files: where each goes in the project, and its bytes.
    pub fn files(&self) -> impl Iterator<Item = (String, &'static [u8])> + '_ {
        self.files.iter().map(|(name, bytes)| (format!("{}/{name}", self.to), *bytes))
    }
}

/// `wit/`: for tools that read it.
const WIT_FOLDER: SdkFolder = SdkFolder { to: "sdk/wit", files: WIT };
/// `guest-sdk/rust`, and the crates that it is made of.
pub const RUST: &[SdkFolder] = &[
    SdkFolder { to: "sdk", files: RUST_ROOT },
    SdkFolder { to: "sdk/guest-sdk/rust", files: RUST_SDK },
    SdkFolder { to: "sdk/runtime/expr", files: RUST_EXPR },
    SdkFolder { to: "sdk/runtime/frame", files: RUST_FRAME },
    WIT_FOLDER,
];
/// `guest-sdk/go`.
pub const GO: &[SdkFolder] = &[SdkFolder { to: "sdk/go", files: GO_SDK }];

/// `guest-sdk/js`, which TypeScript has, too.
pub const JS: &[SdkFolder] = &[SdkFolder { to: "sdk/js", files: JS_SDK }, WIT_FOLDER];
/// `guest-sdk/python`.
pub const PYTHON: &[SdkFolder] = &[SdkFolder { to: "sdk/python/dag_guest", files: PYTHON_SDK }, WIT_FOLDER];

/// The files of `cli/templates/LANGUAGE/KIND`, by their names from there.
pub fn template(language: &str, kind: &str) -> Vec<(&'static str, &'static [u8])> {
    let prefix = format!("{language}/{kind}/");
    let files = TEMPLATES.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(prefix.as_str())?, *bytes)));
    // Made of the workspace's own, so that it is no file of the template.
    let lock = (language == "rust").then_some(("Cargo.lock.template", RUST_LOCK));
    files.chain(lock).collect()
}
