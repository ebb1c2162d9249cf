//! Deploying components: validated, kept by digest, available at once.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use dag_expr::{Kind, ParameterKind, Signature};
use dag_model::Digest;
use dag_wasm::{Component, Limits, LoadError};

use crate::api::{DeployParameters, Deployed, Operator, Operators, Parameter};
use crate::catalog::Change;
use crate::error::{Code, NodeError};
use crate::limits::LimitSettings;
use crate::node::{Node, ServeError};

impl Node {
    /// Makes a component's operators available, and tells what started because of it.
    pub async fn deploy(&self, bytes: Bytes, parameters: DeployParameters) -> Result<Deployed, NodeError> {
        let node = self.clone();
        tokio::task::spawn_blocking(move || node.deploy_blocking(&bytes, &parameters))
            .await
            .map_err(|error| NodeError::new(Code::Internal, error.to_string()))?
    }

    fn deploy_blocking(&self, bytes: &[u8], parameters: &DeployParameters) -> Result<Deployed, NodeError> {
        let said = parameters.limits();
        let limits = said.or(self.inner.config.limits).over(Limits::default());
        let component = self.inner.runtime.load_within(bytes, limits).map_err(|error| {
            let code = if matches!(error, LoadError::TooLarge(_)) { Code::TooLarge } else { Code::BadComponent };
            NodeError::new(code, error.to_string())
        })?;
        // Kept before it is available, and noted while nobody can bind it: nothing may run that a restart would not find.
        self.keep(&component)?;
        let change = self.change(|catalog| {
            let change = catalog.deploy(component.clone(), false)?;
            catalog.limit(component.digest(), said);
            if change == Change::Deployed {
                dag_fault::point("deploy");
                self.inner.meta.put_component(component.digest()).map_err(|error| internal(&error))?;
                dag_fault::point("deploy");
            }
            Ok::<Change, NodeError>(change)
        })?;
        if change == Change::Deployed {
            tracing::info!(component = component.name(), version = %component.version(), digest = %component.digest(), "deployed");
        }
        if !said.is_empty() {
            let said = self.view().catalog.said(component.digest());
            self.inner.meta.put_limits(component.digest(), &said).map_err(|error| internal(&error))?;
        }
        let waiting: Vec<String> = self.state().waiting.values().map(|(text, _)| text.clone()).collect();
        let mut started: Vec<String> =
            waiting.iter().filter_map(|text| self.bind(text).ok()).map(|stream| stream.to_string()).collect();
        started.sort();
        started.dedup();
        self.inner.appeared.send_modify(|version| *version += 1);
        Ok(Deployed {
            component: component.name().to_owned(),
            version: component.version().to_string(),
            digest: component.digest().to_string(),
            repeat: change == Change::None,
            limits: LimitSettings::of(self.view().catalog.limits(component.digest())),
            operators: component.signatures().iter().map(|signature| shown(&component, signature)).collect(),
            started,
        })
    }

    /// All operators.
    pub fn operators(&self) -> Operators {
        let view = self.view();
        Operators {
            operators: view.catalog.operators().map(|(component, signature)| shown(component, signature)).collect(),
        }
    }

    /// Loads what was deployed before, in that order, and then what is embedded in the binary.
    pub(crate) fn restore_components(&self, kept: &[Digest]) -> Result<(), ServeError> {
        for digest in kept {
            let path = self.path(*digest);
            let data = |why: String| ServeError::Data { path: path.clone(), why };
            let bytes = std::fs::read(&path).map_err(|error| data(error.to_string()))?;
            // What could say what it is when it was deployed still can, whatever the node's limits are now.
            let limits = self.view().catalog.said(*digest).over(Limits::default());
            let component = self.inner.runtime.load_within(&bytes, limits);
            let component = component.map_err(|error| data(error.to_string()))?;
            if component.digest() != *digest {
                return Err(data("its bytes are not those that were deployed".to_owned()));
            }
            // An embedded one of an older binary gave way to its successor, in the order in which they came.
            self.change(|catalog| catalog.deploy(component, true))?;
        }
        for embedded in dag_operators::COMPONENTS {
            let component = self.inner.runtime.load(embedded.bytes);
            let component = component.map_err(|error| ServeError::Start(format!("{}: {error}", embedded.name)))?;
            self.keep(&component)?;
            if self.change(|catalog| catalog.deploy(component.clone(), true))? == Change::Deployed {
                self.inner.meta.put_component(component.digest())?;
            }
        }
        Ok(())
    }

    fn change<T>(&self, change: impl FnOnce(&mut crate::catalog::Catalog) -> T) -> T {
        change(Arc::make_mut(&mut self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner)))
    }

    fn path(&self, digest: Digest) -> std::path::PathBuf {
        self.inner.config.data.join("components").join(format!("{digest}.wasm"))
    }

    /// Writes a component's bytes to its file, unless they are there.
    fn keep(&self, component: &Arc<Component>) -> Result<(), NodeError> {
        let path = self.path(component.digest());
        if path.exists() {
            return Ok(());
        }
        let new = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&new)?;
            std::io::Write::write_all(&mut file, component.bytes())?;
            file.sync_all()?;
            dag_fault::point("rename");
            std::fs::rename(&new, &path)?;
            dag_fault::point("rename");
            // What refers to the component is durable, so its name has to be.
            std::fs::File::open(self.inner.config.data.join("components"))?.sync_all()
        };
        write().map_err(|error| NodeError::new(Code::Internal, format!("{}: {error}", path.display())))
    }
}

fn internal(error: &dyn std::fmt::Display) -> NodeError {
    NodeError::new(Code::Internal, error.to_string())
}

fn shown(component: &Component, signature: &Signature) -> Operator {
    let parameter = |parameter: &dag_expr::Parameter| Parameter {
        name: parameter.name.clone(),
        kind: kind(parameter.kind).to_owned(),
        required: parameter.required,
        default: parameter.default.clone(),
        doc: parameter.doc.clone(),
    };
    Operator {
        name: signature.name.clone(),
        component: component.name().to_owned(),
        version: component.version().to_string(),
        digest: component.digest().to_string(),
        kind: match signature.kind {
            Kind::Aggregate => "aggregate".to_owned(),
            Kind::Transform => "transform".to_owned(),
        },
        usage: signature.usage(),
        doc: signature.doc.clone(),
        example: signature.example.clone(),
        parameters: signature.parameters.iter().map(parameter).collect(),
    }
}

fn kind(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Duration => "duration",
        ParameterKind::Integer => "integer",
        ParameterKind::Number => "number",
        ParameterKind::Text => "text",
        ParameterKind::Boolean => "boolean",
        ParameterKind::Column => "column",
        ParameterKind::Columns => "columns",
        ParameterKind::Scalar => "scalar",
        ParameterKind::Predicate => "predicate",
        ParameterKind::Projection => "projection",
        ParameterKind::Match => "match",
    }
}
