//! The components that were there before the node was started, and those that the binary brings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use dag_model::Digest;
use dag_plan::{Change, Deployment, Named, Proposal};
use dag_wasm::{Abandoned, Limits};

use super::Operators;
use super::catalog::Catalog;
use super::error::ComponentError;
use super::installed::Installed;
use super::limits;
use crate::clock::now;
use crate::metadata::deployment;
use crate::metadata::described::Described;
use crate::metadata::history::How;

impl Operators {
    /// Goes through what was made current before, in that order, and then looks at what is embedded in the binary. What cannot be loaded
    /// cannot be used; the node starts.
    pub fn restore(&self, described: &BTreeMap<Digest, Described>) -> Result<(), ComponentError> {
        let plan = self.meta.plan();
        let mut catalog = (*self.catalog()).clone();
        let mut restored: HashMap<Digest, Option<Arc<Installed>>> = HashMap::new();
        for (_, deployed) in plan.deployments() {
            let Deployment { digest, at, how, .. } = **deployed;
            let installed = restored
                .entry(digest)
                .or_insert_with(|| self.restore_one(digest, described.get(&digest), &mut catalog));
            if let Some(installed) = installed {
                catalog.make_current(installed.clone(), at, how);
                if deployed.named.is_none() {
                    let (component, version) = (installed.name().to_owned(), installed.version().to_string());
                    let named = Named { component, version };
                    self.meta.propose(Proposal::of([Change::Name { digest, named }]))?;
                }
            }
        }
        for embedded in dag_operators::COMPONENTS {
            if catalog.made_of(dag_wasm::digest(embedded.bytes)).is_some() {
                continue;
            }
            let (installed, made) = self.build_own(embedded)?;
            if !catalog.admits_embedded(&installed) {
                continue;
            }
            if let Err(taken) = catalog.names_free(&installed) {
                tracing::warn!(component = installed.name(), version = %installed.version(), why = %taken, "not made current");
                continue;
            }
            self.keep(&made.built)?;
            self.keep_code(&made.built);
            let (at, digest) = (now(), installed.digest());
            let current = (installed.name(), installed.version().to_string(), at, How::Embedded);
            let proposal = deployment(&self.meta.plan(), digest, Some(current), None);
            self.meta.deploy(proposal, Some((digest, &made.described())))?;
            catalog.make_current(installed, Some(at), How::Embedded);
        }
        self.remove_unknown(&|digest| catalog.history().contains(digest) || restored.contains_key(&digest));
        self.replace_catalog(Arc::new(catalog));
        Ok(())
    }

    /// A component that was deployed before, as far as it can be had.
    fn restore_one(
        &self,
        digest: Digest,
        described: Option<&Described>,
        catalog: &mut Catalog,
    ) -> Option<Arc<Installed>> {
        if let Some(sent) = described.and_then(Described::sent) {
            catalog.was_made(sent, digest);
        }
        if let Some(described) = described
            && let Some(component) = self.runtime.kept(digest, described.description())
        {
            return Some(Arc::new(Installed::new(component)));
        }
        match (self.build_again(digest, described, catalog), described) {
            (Ok(installed), _) => Some(installed),
            (Err(why), Some(described)) => {
                let unavailable = Installed::unavailable(digest, described.description().clone(), &why);
                tracing::error!(component = unavailable.name(), %digest, why, "a component cannot be loaded");
                Some(Arc::new(unavailable))
            }
            (Err(why), None) => {
                tracing::error!(%digest, why, "a component cannot be loaded, nor can it be told which it is");
                catalog.lose(digest, format!("{why}; deploy it again, or remove it with `dag undeploy {digest:#}`"));
                None
            }
        }
    }

    /// Builds a component that was deployed before, and whose code or description is not kept.
    fn build_again(
        &self,
        digest: Digest,
        described: Option<&Described>,
        catalog: &Catalog,
    ) -> Result<Arc<Installed>, String> {
        let own = dag_operators::COMPONENTS.iter().find(|embedded| dag_wasm::digest(embedded.bytes) == digest);
        let (installed, made) = match own {
            Some(embedded) => self.build_own(embedded).map_err(|error| error.to_string())?,
            None => {
                let bytes = self.kept_bytes(digest)?;
                // What it was able to say within these it is able to say again, whatever the node's limits are now.
                let limits = match described {
                    Some(described) => limits::over(described.limits(), Limits::default()),
                    None => at_least(catalog.limits(digest), limits::over(catalog.said(digest), Limits::default())),
                };
                let built = self.build_now(&bytes, limits, &Abandoned::default());
                built.map_err(|error| error.to_string())?
            }
        };
        if installed.digest() != digest {
            return Err("its bytes are not those that were deployed".to_owned());
        }
        self.keep_code(&made.built);
        let told = match described {
            Some(_) => Ok(()),
            None => self.meta.deploy(Proposal::default(), Some((digest, &made.described()))),
        };
        if let Err(error) = told {
            // It costs the next start what it cost this one.
            tracing::warn!(%digest, %error, "what a component says of itself could not be kept");
        }
        Ok(installed)
    }
}

/// The greater of each limit.
fn at_least(one: Limits, other: Limits) -> Limits {
    Limits {
        memory: one.memory.max(other.memory),
        call: Duration::max(one.call, other.call),
        output: one.output.max(other.output),
    }
}
