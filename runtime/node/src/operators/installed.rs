//! A component that is installed: what it said of itself when it was built, and its code, where that can be loaded. What it said is kept,
//! so that it is known by name even if it cannot run.

use std::sync::Arc;

use dag_expr::Signature;
use dag_model::Digest;
use dag_wasm::{Component, Description, Import, Version};

/// See the module.
#[derive(Clone)]
pub struct Installed {
    digest: Digest,
    description: Arc<Description>,
    code: Result<Arc<Component>, Arc<str>>,
}

impl Installed {
    /// One that can run.
    pub fn new(component: Arc<Component>) -> Installed {
        let description = Arc::new(component.description().clone());
        Installed { digest: component.digest(), description, code: Ok(component) }
    }

    /// One that cannot, and why.
    pub fn unavailable(digest: Digest, description: Description, why: &str) -> Installed {
        let name = &description.name;
        let why = format!(
            "component `{name}` {} ({digest:#}) cannot be loaded: {why}; deploy it again, or remove it with `dag undeploy {name}`",
            description.version
        );
        Installed { digest, code: Err(why.into()), description: Arc::new(description) }
    }

    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.description.version
    }

    /// The operators that it exports.
    pub fn signatures(&self) -> &[Signature] {
        &self.description.signatures
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.description.imports
    }

    /// The operator of that name, if it exports one.
    pub fn signature(&self, operator: &str) -> Option<&Signature> {
        self.signatures().iter().find(|signature| signature.name == operator)
    }

    /// What runs, or why it cannot.
    pub fn code(&self) -> Result<&Arc<Component>, &str> {
        self.code.as_ref().map_err(|why| &**why)
    }
}
