//! Building components: what somebody sends, in a process of its own, one after the other; what this binary brings, here.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dag_api::limits::LimitSettings;
use dag_model::Digest;
use dag_wasm::{Abandoned, Built, Limits, LoadError, Waiting};

use super::Operators;
use super::error::ComponentError;
use super::installed::Installed;
use super::limits;
use crate::blocking::blocking;
use crate::metadata::described::Described;

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

impl Operators {
    /// The component that is these bytes, or was made of them, if it is whole.
    pub fn made_before(&self, bytes: &[u8]) -> Option<Arc<Installed>> {
        let catalog = self.catalog();
        let installed = catalog.made_of(dag_wasm::digest(bytes))?;
        let whole = installed.code().is_ok() && self.kept_bytes(installed.digest()).is_ok();
        whole.then(|| installed.clone())
    }

    /// Builds what somebody sent, after those who came before.
    pub async fn build(
        self: &Arc<Self>,
        bytes: Bytes,
        limits: LimitSettings,
    ) -> Result<(Arc<Installed>, Made), ComponentError> {
        let limits = limits::over(limits.or(self.defaults), Limits::default());
        let turn = self.building.turn().await?;
        // Dropped with this future, which nobody waits for once the client has gone.
        let waiting = Waiting::default();
        let (operators, abandoned) = (self.clone(), waiting.abandoned());
        let built = blocking(move || {
            let _turn = turn;
            Ok(operators.build_now(&bytes, limits, &abandoned)?)
        });
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            built = built => built,
            _ = stopping.wait_for(|stopping| *stopping) => {
                Err(ComponentError::Stopping)
            }
        }
    }

    pub(super) fn build_now(
        &self,
        bytes: &[u8],
        limits: Limits,
        abandoned: &Abandoned,
    ) -> Result<(Arc<Installed>, Made), LoadError> {
        let runtime = &self.runtime;
        let built = self.builder.build(runtime, bytes, limits, abandoned)?;
        let component = runtime.open(built.digest, &built.code, built.description.clone())?;
        let made = Made { built, sent: dag_wasm::digest(bytes), limits };
        Ok((Arc::new(Installed::new(component)), made))
    }

    /// Whether one of these is a component of this binary.
    pub fn is_own(&self, digests: &BTreeSet<Digest>) -> bool {
        dag_operators::COMPONENTS.iter().any(|embedded| digests.contains(&dag_wasm::digest(embedded.bytes)))
    }

    /// Builds a component of this binary, which is no stranger's.
    pub(super) fn build_own(
        &self,
        embedded: &dag_operators::Embedded,
    ) -> Result<(Arc<Installed>, Made), ComponentError> {
        let limits = Limits::default();
        let runtime = &self.runtime;
        let failed = |source| ComponentError::Embedded { name: embedded.name, source };
        let built = runtime.build(embedded.bytes, limits).map_err(failed)?;
        let component = runtime.open(built.digest, &built.code, built.description.clone()).map_err(failed)?;
        let made = Made { built, sent: dag_wasm::digest(embedded.bytes), limits };
        Ok((Arc::new(Installed::new(component)), made))
    }
}
