//! Components: built, kept by digest, and made current by whoever deploys them, goes back to them, or starts a node.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use dag_api::{DeployParameters, Deployed};
use dag_log::{Claim, OsStorage, Storage, is_full};
use dag_model::Digest;
use dag_wasm::{Abandoned, Built, Limits, LoadError, Waiting};

use crate::clock::now;
use crate::error::ServeError;
use crate::error::{Code, NodeError};
use crate::layout::Layout;
use crate::metadata::Deployment;
use crate::metadata::described::Described;
use crate::metadata::history::How;
use crate::node::Node;
use crate::operators::catalog::Catalog;
use crate::operators::installed::Installed;
use crate::operators::limits;
use crate::views::operators::exporter;

/// What was made of bytes that somebody sent.
pub(crate) struct Made {
    pub built: Built,
    /// Their digest.
    pub sent: Digest,
    /// Within what the component could say what it is.
    pub limits: Limits,
}

impl Made {
    /// What is kept of it in the metadata.
    pub fn described(&self) -> Described {
        Described::new(&self.built, self.sent, limits::settings(self.limits))
    }
}

impl Node {
    /// Makes a component's operators available, moves what runs earlier versions of them, and tells what started because of it. If nobody
    /// waits for that any more while the component is built, nothing is left of it.
    pub async fn deploy(&self, bytes: Bytes, parameters: DeployParameters) -> Result<Deployed, NodeError> {
        let (node, sent) = (self.clone(), bytes.clone());
        let known = blocking(move || Ok(node.made_before(&sent))).await?;
        let (installed, made) = match known {
            Some(installed) => (installed, None),
            None => {
                let limits = limits::over(parameters.limits().or(self.inner.config.limits), Limits::default());
                let (installed, made) = self.build(bytes, limits).await?;
                (installed, Some(made))
            }
        };
        let node = self.clone();
        blocking(move || {
            let _turn = node.deploying();
            node.view().catalog.admit(&installed)?;
            node.make_current(&installed, How::Deployed, &parameters, made.as_ref())
        })
        .await
    }

    /// The component that is these bytes, or was made of them, if it is whole.
    fn made_before(&self, bytes: &[u8]) -> Option<Arc<Installed>> {
        let catalog = self.view().catalog;
        let installed = catalog.made_of(dag_wasm::digest(bytes))?;
        let whole = installed.code().is_ok() && self.kept_bytes(installed.digest()).is_ok();
        whole.then(|| installed.clone())
    }

    /// Builds what somebody sent, after those who came before.
    async fn build(&self, bytes: Bytes, limits: Limits) -> Result<(Arc<Installed>, Made), NodeError> {
        let turn = self.inner.building.turn().await?;
        // Dropped with this future, which nobody waits for once the client has gone.
        let waiting = Waiting::default();
        let (node, abandoned) = (self.clone(), waiting.abandoned());
        let built = blocking(move || {
            let _turn = turn;
            node.build_now(&bytes, limits, &abandoned).map_err(|error| refused(&error))
        });
        let mut stopping = self.inner.stopping.subscribe();
        tokio::select! {
            built = built => built,
            _ = stopping.wait_for(|stopping| *stopping) => {
                Err(NodeError::new(Code::Busy, "the node is stopping"))
            }
        }
    }

    fn build_now(
        &self,
        bytes: &[u8],
        limits: Limits,
        abandoned: &Abandoned,
    ) -> Result<(Arc<Installed>, Made), LoadError> {
        let runtime = &self.inner.runtime;
        let built = self.inner.config.builder.build(runtime, bytes, limits, abandoned)?;
        let component = runtime.open(built.digest, &built.code, built.description.clone())?;
        let made = Made { built, sent: dag_wasm::digest(bytes), limits };
        Ok((Arc::new(Installed::new(component)), made))
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
            node.make_current(&component, How::RolledBack, &parameters, None)
        })
        .await
    }

    /// Components become current, and what runs moves to them, one after the other.
    pub(crate) fn deploying(&self) -> MutexGuard<'_, ()> {
        self.inner.deploying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through what was made current before, in that order, and then looks at what is embedded in the binary. What cannot be loaded
    /// cannot be used; the node starts.
    pub(crate) fn restore_components(
        &self,
        kept: &[Deployment],
        described: &BTreeMap<Digest, Described>,
    ) -> Result<(), ServeError> {
        let mut catalog = (*self.view().catalog).clone();
        let mut restored: HashMap<Digest, Option<Arc<Installed>>> = HashMap::new();
        for Deployment { digest, at, how } in kept.iter().copied() {
            let installed =
                restored.entry(digest).or_insert_with(|| self.restore(digest, described.get(&digest), &mut catalog));
            if let Some(installed) = installed {
                catalog.make_current(installed.clone(), at, how);
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
            self.inner.meta.put_deployment(digest, Some((at, How::Embedded)), None, Some(&made.described()))?;
            catalog.make_current(installed, Some(at), How::Embedded);
        }
        self.remove_unknown(&|digest| catalog.history().contains(digest) || restored.contains_key(&digest));
        self.replace_catalog(Arc::new(catalog));
        Ok(())
    }

    /// A component that was deployed before, as far as it can be had.
    fn restore(&self, digest: Digest, described: Option<&Described>, catalog: &mut Catalog) -> Option<Arc<Installed>> {
        if let Some(sent) = described.and_then(Described::sent) {
            catalog.was_made(sent, digest);
        }
        if let Some(described) = described
            && let Some(component) = self.inner.runtime.kept(digest, described.description())
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
            None => self.inner.meta.put_deployment(digest, None, None, Some(&made.described())),
        };
        if let Err(error) = told {
            // It costs the next start what it cost this one.
            tracing::warn!(%digest, %error, "what a component says of itself could not be kept");
        }
        Ok(installed)
    }

    /// Whether one of these is a component of this binary.
    pub(crate) fn is_own(&self, digests: &BTreeSet<Digest>) -> bool {
        dag_operators::COMPONENTS.iter().any(|embedded| digests.contains(&dag_wasm::digest(embedded.bytes)))
    }

    /// Builds a component of this binary, which is no stranger's.
    fn build_own(&self, embedded: &dag_operators::Embedded) -> Result<(Arc<Installed>, Made), ServeError> {
        let limits = Limits::default();
        let runtime = &self.inner.runtime;
        let start = |error: LoadError| ServeError::Start(format!("{}: {error}", embedded.name));
        let built = runtime.build(embedded.bytes, limits).map_err(start)?;
        let component = runtime.open(built.digest, &built.code, built.description.clone()).map_err(start)?;
        let made = Made { built, sent: dag_wasm::digest(embedded.bytes), limits };
        Ok((Arc::new(Installed::new(component)), made))
    }

    /// The bytes of a component that was deployed, if they are still those.
    fn kept_bytes(&self, digest: Digest) -> Result<Vec<u8>, String> {
        let path = self.inner.layout.component(digest);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if dag_wasm::digest(&bytes) != digest {
            return Err(format!("{}: its bytes are not those that were deployed", path.display()));
        }
        Ok(bytes)
    }

    /// Removes what deployments left that were interrupted, and what was undeployed while the disk did not take it.
    pub(crate) fn remove_unknown(&self, is_known: &dyn Fn(Digest) -> bool) {
        self.inner.runtime.keep_only(is_known);
        let known = |path: &Path| Layout::component_of(path).is_some_and(is_known);
        let entries = fs::read_dir(self.inner.layout.components()).into_iter().flatten().filter_map(Result::ok);
        for path in entries.map(|entry| entry.path()).filter(|path| !known(path)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "what an interrupted deployment left cannot be removed");
            }
        }
    }

    /// What is bound from now on is bound against this.
    pub(crate) fn replace_catalog(&self, catalog: Arc<Catalog>) {
        *self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }

    /// Refuses a component that would take more of the disk, with its compiled code, than is left of what all may take.
    pub(crate) fn admit_to_disk(&self, built: &Built) -> Result<(), NodeError> {
        let limit = self.inner.config.component_disk.bytes();
        let folders = [self.inner.layout.components(), self.inner.layout.compiled()].map(fs::read_dir);
        let files = folders.into_iter().flatten().flatten().filter_map(|entry| entry.ok()?.metadata().ok());
        let taken: u64 = files.map(|file| file.len()).sum();
        let more = (built.bytes.len() + built.code.len()) as u64;
        if taken.saturating_add(more) <= limit {
            return Ok(());
        }
        let message = format!(
            "component `{}` takes {more} bytes on disk with its compiled code, and those that are deployed take {taken}: all may take {} \
             (--component-disk); `dag undeploy NAME` removes one",
            built.description.name, self.inner.config.component_disk
        );
        Err(NodeError::new(Code::TooLarge, message))
    }

    /// Keeps a component's compiled code where there is room for what can be made again.
    pub(crate) fn keep_code(&self, built: &Built) {
        let length = built.code.len() as u64;
        match self.inner.committer.admit(Claim::Cache, &self.inner.config.data, length) {
            Ok(()) => self.inner.runtime.keep(built),
            Err(error) => {
                tracing::warn!(digest = %built.digest, %error, "compiled code is not kept: the next start compiles again")
            }
        }
    }

    /// Asks for room for the bytes of a component that is deployed. What the binary brings is part of what a node needs to start, and
    /// may use what stays free.
    pub(crate) fn admit_bytes(&self, built: &Built) -> Result<(), NodeError> {
        if self.kept_bytes(built.digest).is_ok() {
            return Ok(());
        }
        let admitted = self.inner.committer.admit(Claim::Kept, &self.inner.config.data, built.bytes.len() as u64);
        admitted.map_err(|error| {
            let error = io::Error::from(error);
            let code = if is_full(&error) { Code::DiskFull } else { Code::Internal };
            NodeError::new(code, format!("{}: {error}", self.inner.layout.component(built.digest).display()))
        })
    }

    /// Writes a component's bytes to its file, unless they are there, durably: the metadata is going to speak of it.
    pub(crate) fn keep(&self, built: &Built) -> Result<(), NodeError> {
        let path = self.inner.layout.component(built.digest);
        let kept = match self.kept_bytes(built.digest) {
            Ok(_) => OsStorage.sync_dir(&self.inner.layout.components()),
            Err(_) => OsStorage.replace(&path, &built.bytes),
        };
        kept.map_err(|error| {
            let code = if is_full(&error) { Code::DiskFull } else { Code::Internal };
            NodeError::new(code, format!("{}: {error}", path.display()))
        })
    }
}

/// Why a component is not taken, and whose fault that is.
fn refused(error: &LoadError) -> NodeError {
    let code = match error {
        LoadError::TooLarge(_) => Code::TooLarge,
        LoadError::Builder(_) | LoadError::Code(_) => Code::Internal,
        LoadError::Abandoned => Code::Busy,
        _ => Code::BadComponent,
    };
    let message = match error {
        LoadError::Bounds(_) => format!("{error}; a node allows more with --build-memory and --build-time"),
        _ => error.to_string(),
    };
    NodeError::new(code, message)
}

/// The greater of each limit.
fn at_least(one: Limits, other: Limits) -> Limits {
    Limits {
        memory: one.memory.max(other.memory),
        call: Duration::max(one.call, other.call),
        output: one.output.max(other.output),
    }
}

/// Runs what may take its time on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| NodeError::new(Code::Internal, error.to_string()))?
}
