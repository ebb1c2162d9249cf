//! Components: validated, kept by digest, and made current by whoever deploys them, goes back to them, or starts a node.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::Bytes;
use dag_log::Claim;
use dag_model::Digest;
use dag_wasm::{Component, Limits, LoadError};

use crate::api::{DeployParameters, Deployed};
use crate::catalog::Catalog;
use crate::clock::now;
use crate::error::{Code, NodeError};
use crate::history::How;
use crate::meta::Deployment;
use crate::node::{Node, ServeError};
use crate::storage::is_full;
use crate::versions::exporter;

impl Node {
    /// Makes a component's operators available, moves what runs earlier versions of them, and tells what started because of it.
    pub async fn deploy(&self, bytes: Bytes, parameters: DeployParameters) -> Result<Deployed, NodeError> {
        let node = self.clone();
        blocking(move || {
            let limits = parameters.limits().or(node.inner.config.limits).over(Limits::default());
            let component = node.inner.runtime.load_within(&bytes, limits).map_err(|error| {
                let code = if matches!(error, LoadError::TooLarge(_)) { Code::TooLarge } else { Code::BadComponent };
                NodeError::new(code, error.to_string())
            })?;
            let _turn = node.deploying();
            node.view().catalog.admit(&component)?;
            node.make_current(&component, How::Deployed, &parameters)
        })
        .await
    }

    /// Makes the version current that was before, of the component that exports the operator of that name.
    pub async fn roll_back(&self, operator: String, parameters: DeployParameters) -> Result<Deployed, NodeError> {
        let node = self.clone();
        blocking(move || {
            let _turn = node.deploying();
            let catalog = node.view().catalog;
            let (name, _) = exporter(&catalog, &operator)?;
            let previous = catalog.history().previous(&name).and_then(|digest| catalog.component(digest));
            let component = previous.ok_or_else(|| {
                let message = format!("there is no version of component `{name}` before this one to go back to");
                NodeError::new(Code::Version, message)
            })?;
            catalog.names_free(&component)?;
            node.make_current(&component, How::RolledBack, &parameters)
        })
        .await
    }

    /// Components become current, and what runs moves to them, one after the other.
    pub(crate) fn deploying(&self) -> MutexGuard<'_, ()> {
        self.inner.deploying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through what was made current before, in that order, and then looks at what is embedded in the binary.
    pub(crate) fn restore_components(&self, kept: &[Deployment]) -> Result<(), ServeError> {
        let mut catalog = (*self.view().catalog).clone();
        let mut loaded: HashMap<Digest, Arc<Component>> = HashMap::new();
        for Deployment { digest, at, how } in kept.iter().copied() {
            let component = match loaded.get(&digest) {
                Some(component) => component.clone(),
                None => self.load_kept(digest, &catalog)?,
            };
            loaded.insert(digest, component.clone());
            catalog.make_current(component, at, how);
        }
        for embedded in dag_operators::COMPONENTS {
            let component = self.inner.runtime.load(embedded.bytes);
            let component = component.map_err(|error| ServeError::Start(format!("{}: {error}", embedded.name)))?;
            if !catalog.admits_embedded(&component) {
                continue;
            }
            if let Err(taken) = catalog.names_free(&component) {
                tracing::warn!(component = component.name(), version = %component.version(), why = %taken, "not made current");
                continue;
            }
            self.keep(&component)?;
            let at = now();
            self.inner.meta.put_deployment(component.digest(), Some((at, How::Embedded)), None)?;
            catalog.make_current(component, Some(at), How::Embedded);
        }
        self.replace_catalog(Arc::new(catalog));
        Ok(())
    }

    /// Loads a component that was deployed before.
    fn load_kept(&self, digest: Digest, catalog: &Catalog) -> Result<Arc<Component>, ServeError> {
        let path = self.path(digest);
        let data = |why: String| ServeError::Data { path: path.clone(), why };
        let bytes = fs::read(&path).map_err(|error| data(error.to_string()))?;
        // What could say what it is when it was deployed still can, whatever the node's limits are now.
        let limits = catalog.said(digest).over(Limits::default());
        let component = self.inner.runtime.load_within(&bytes, limits).map_err(|error| data(error.to_string()))?;
        if component.digest() != digest {
            return Err(data("its bytes are not those that were deployed".to_owned()));
        }
        Ok(component)
    }

    /// What is bound from now on is bound against this.
    pub(crate) fn replace_catalog(&self, catalog: Arc<Catalog>) {
        *self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }

    fn path(&self, digest: Digest) -> std::path::PathBuf {
        self.inner.config.data.join("components").join(format!("{digest}.wasm"))
    }

    /// Writes a component's bytes to its file, unless they are there, durably: the metadata is going to speak of it.
    pub(crate) fn keep(&self, component: &Arc<Component>) -> Result<(), NodeError> {
        let path = self.path(component.digest());
        let new = path.with_extension("new");
        let write = || -> io::Result<()> {
            if !path.exists() {
                self.inner.committer.admit(Claim::Kept, &self.inner.config.data, component.bytes().len() as u64)?;
                let mut file = File::create(&new)?;
                file.write_all(component.bytes())?;
                file.sync_all()?;
                fs::rename(&new, &path)?;
            }
            File::open(path.parent().expect("it lies in a folder"))?.sync_all()
        };
        write().map_err(|error| {
            // Part of it may have taken the last room that there was; where it cannot be removed, the next attempt writes over it.
            let _ = fs::remove_file(&new);
            let code = if is_full(&error) { Code::DiskFull } else { Code::Internal };
            NodeError::new(code, format!("{}: {error}", path.display()))
        })
    }
}

/// Runs what may take its time on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| NodeError::new(Code::Internal, error.to_string()))?
}
