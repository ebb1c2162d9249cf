//! Removing a component: all its versions, their bytes, their compiled code, and what is known of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::{UndeployParameters, Undeployed};
use dag_model::{Digest, IncarnationId};
use dag_plan::{Course, Plan, Refusal};

use crate::blocking::blocking;
use crate::computations::Computations;
use crate::deploy::Turn;
use crate::metadata::change::{ChangeError, changes};
use crate::metadata::{MetaError, Metadata};
use crate::operators::Operators;
use crate::operators::catalog::Catalog;
use crate::readers::Readers;
use crate::readers::uses::Uses;

/// Why a component is not removed.
#[derive(Debug, thiserror::Error)]
pub enum UndeployError {
    /// There is none.
    #[error("there is no component `{name}`: {hint}")]
    Unknown {
        /// The name, or the digest.
        name: String,
        /// What may help.
        hint: String,
    },
    /// The binary brings it.
    #[error("component `{0}` is a part of this dag, and would be there again after the next start")]
    Own(String),
    /// Something runs with it, or a cursor is in what ran with it.
    #[error("component `{name}` is used: {uses}; `dag undeploy {name} --force` ends what runs and removes it")]
    InUse {
        /// The component.
        name: String,
        /// What uses it.
        uses: Uses,
    },
    /// The change did not come about.
    #[error(transparent)]
    Change(ChangeError),
}

changes!(UndeployError);

/// What removes components.
pub(crate) struct Undeployments {
    meta: Arc<Metadata>,
    operators: Arc<Operators>,
    computations: Computations,
    readers: Arc<Readers>,
    turn: Turn,
}

impl Undeployments {
    /// Of these operators, and of what runs with them.
    pub fn new(
        meta: Arc<Metadata>,
        operators: Arc<Operators>,
        computations: Computations,
        readers: Arc<Readers>,
        turn: Turn,
    ) -> Undeployments {
        Undeployments { meta, operators, computations, readers, turn }
    }

    /// Removes the component of that name, or the one of which nothing is known but this digest, or its beginning.
    pub async fn undeploy(
        self: &Arc<Self>,
        name: String,
        parameters: UndeployParameters,
    ) -> Result<Undeployed, UndeployError> {
        let undeployments = self.clone();
        let turn = self.turn.clone().lock_owned().await;
        blocking(move || {
            let _turn = turn;
            undeployments.undeploy_now(&name, parameters)
        })
        .await
    }

    fn undeploy_now(&self, name: &str, parameters: UndeployParameters) -> Result<Undeployed, UndeployError> {
        let before = self.operators.catalog();
        let digests = before.digests(name);
        if digests.is_empty() {
            return Err(unknown(&before, name));
        }
        if self.operators.is_own(&digests) {
            return Err(UndeployError::Own(name.to_owned()));
        }
        let operators = before.operators().filter(|(exporter, _)| digests.contains(&exporter.digest()));
        let operators: Vec<String> = operators.map(|(_, signature)| signature.name.clone()).collect();
        let versions = before.history().versions(name).iter().map(|(_, entry)| entry.version.to_string()).collect();
        let mut after = (*before).clone();
        after.remove(name, &digests);
        // From here on nothing new comes to use it.
        self.operators.replace_catalog(Arc::new(after));
        let removed = self.remove(name, &digests, parameters);
        if parameters.dry_run || removed.is_err() {
            self.operators.replace_catalog(before);
        } else {
            tracing::info!(component = name, "undeployed");
            self.operators.remove_unknown(&|digest| !digests.contains(&digest));
        }
        let stopped = removed?.into_iter().collect();
        Ok(Undeployed { component: name.to_owned(), versions, operators, stopped, dry_run: parameters.dry_run })
    }

    /// Takes these versions out of the plan, unless that is only asked for, once nothing uses them; tells what was ended for it.
    fn remove(
        &self,
        name: &str,
        digests: &BTreeSet<Digest>,
        parameters: UndeployParameters,
    ) -> Result<BTreeSet<String>, UndeployError> {
        let mut stopped = BTreeSet::new();
        loop {
            let seen = self.meta.plan().revision();
            stopped.extend(self.let_go(name, digests, parameters)?);
            if parameters.dry_run {
                return Ok(stopped);
            }
            match self.meta.undeploy(digests) {
                // What was bound before the catalog was replaced has come to the plan since that was looked at.
                Err(MetaError::Refused(Refusal::Used { .. })) if self.meta.plan().revision() > seen => {}
                removed => return removed.map(|()| stopped).map_err(UndeployError::from),
            }
        }
    }

    /// Ends what uses these versions of a component, if that is wanted, and tells what that is; an error that names it if not.
    fn let_go(
        &self,
        name: &str,
        digests: &BTreeSet<Digest>,
        parameters: UndeployParameters,
    ) -> Result<BTreeSet<String>, UndeployError> {
        let in_runs = self.readers.cursors().names();
        let plan = self.meta.plan();
        let running = users(&plan, digests, Course::is_live);
        let streams: BTreeSet<String> = running.iter().map(|(_, stream)| stream.clone()).collect();
        if !parameters.force {
            let of_runs: BTreeSet<IncarnationId> =
                users(&plan, digests, |_| true).into_iter().map(|(id, _)| id).collect();
            let cursors = in_runs.into_iter().filter(|(_, runs)| runs.iter().any(|run| of_runs.contains(run)));
            let streams = streams.iter().map(|stream| format!("`{stream}` runs"));
            let uses: Vec<String> =
                streams.chain(cursors.map(|(cursor, _)| format!("cursor `{cursor}` is in it"))).collect();
            if !uses.is_empty() {
                return Err(UndeployError::InUse { name: name.to_owned(), uses: Uses(uses) });
            }
        } else if !parameters.dry_run {
            for (id, _) in &running {
                self.computations.end_now(*id, &format!("component `{name}` was undeployed"))?;
            }
        }
        Ok(streams)
    }
}

/// The runs that run one of these components or may have to, and their streams.
fn users(plan: &Plan, digests: &BTreeSet<Digest>, which: impl Fn(&Course) -> bool) -> Vec<(IncarnationId, String)> {
    let uses = |course: &Course| course.versions().any(|version| digests.contains(&version));
    let runs = plan.incarnations().filter(|(_, course)| which(course) && uses(course));
    runs.map(|(id, course)| (id, course.record.stream.clone())).collect()
}

fn unknown(catalog: &Catalog, name: &str) -> UndeployError {
    let near = dag_expr::syntax::name::near_help(name, catalog.history().components());
    let hint =
        near.unwrap_or_else(|| "`dag operators` lists operators with the components that export them".to_owned());
    UndeployError::Unknown { name: name.to_owned(), hint }
}
