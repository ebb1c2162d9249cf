//! Operators: the components that are here, and which version of each is current.
//!
//! Read [`installed`] (a component that is here), [`catalog`] (the operators that these export), [`bind`] (how expressions are bound to them),
//! [`questions`] (what operators are asked for that, and by whom), [`files`] (what is on disk of them), [`build`] and [`building`] (how one is made of what somebody sends, and whose turn that is),
//! [`restore`] (how they are there again when a node starts), [`limits`] (what their instances may use) and [`error`].

pub(crate) mod bind;
mod build;
mod building;
pub(crate) mod catalog;
pub(crate) mod error;
mod files;
pub(crate) mod installed;
pub(crate) mod limits;
pub(crate) mod questions;
mod restore;

use std::sync::Arc;

use dag_api::limits::{ComponentDisk, LimitSettings};
use dag_lock::RwLock;
use dag_log::Committer;
use dag_wasm::{Builder, Limits, Runtime};
use tokio::sync::watch;

use crate::blocking::gate::Gate;
use crate::config::Config;
use crate::layout::Layout;
use crate::metadata::Metadata;
use crate::streams::Streams;
use bind::BINDING;
pub(crate) use build::Made;
use building::Building;
use catalog::Catalog;
use error::ComponentError;
use installed::Installed;

/// The owner of components.
pub(crate) struct Operators {
    layout: Layout,
    meta: Arc<Metadata>,
    committer: Committer,
    /// What expressions name besides operators.
    streams: Arc<Streams>,
    runtime: Runtime,
    builder: Builder,
    /// What the node says of limits.
    defaults: LimitSettings,
    /// What all may take on disk.
    disk: ComponentDisk,
    /// Whether a component may come again under its version with other bytes.
    rewrites: bool,
    /// Whose component is built.
    building: Building,
    stopping: watch::Sender<bool>,
    /// Binding an expression goes through this.
    binding: Arc<Gate<()>>,
    /// Guards which catalog there is; the catalog itself is replaced as a whole. Held for no longer than that takes.
    catalog: RwLock<Arc<Catalog>>,
}

impl Operators {
    /// No components yet. `stopping` becomes true when nothing is to be built any more.
    pub fn new(
        config: &Config,
        meta: Arc<Metadata>,
        committer: Committer,
        streams: Arc<Streams>,
        runtime: Runtime,
        stopping: watch::Sender<bool>,
    ) -> Operators {
        let said = meta.plan();
        // What cannot be read is as if nothing had been said.
        let said =
            said.all_limits().filter_map(|(digest, said)| Some((digest, serde_json::from_str(&said.settings).ok()?)));
        let catalog = Catalog::new(limits::over(config.limits, Limits::default()), said.collect());
        Operators {
            layout: Layout::new(&config.data),
            meta,
            committer,
            streams,
            runtime,
            builder: config.builder.clone(),
            defaults: config.limits,
            disk: config.component_disk,
            rewrites: config.rewrites,
            building: Building::default(),
            stopping,
            binding: Gate::new(BINDING),
            catalog: RwLock::new("catalog", Arc::new(catalog)),
        }
    }

    /// The catalog as it is at this moment.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read().clone()
    }

    /// What is bound from now on is bound against this.
    pub fn replace_catalog(&self, catalog: Arc<Catalog>) {
        let before = std::mem::replace(&mut *self.catalog.write(), catalog);
        // Its components may be gone with it, for which nobody who looks at the catalog waits.
        drop(before);
    }

    /// Whether somebody may deploy that component as the current version of its name.
    pub fn admit(&self, component: &Installed) -> Result<(), ComponentError> {
        let catalog = self.catalog();
        if self.rewrites { catalog.names_free(component) } else { catalog.admit(component) }
    }

    /// How many memories of instances there are, and how many there may be.
    pub fn memories(&self) -> (usize, usize) {
        self.runtime.memories()
    }
}
