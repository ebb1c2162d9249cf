//! Removing a component: all its versions, their bytes, their compiled code, and what is known of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::{UndeployParameters, Undeployed};
use dag_model::{Digest, IncarnationId};

use crate::computations::runs::last_digest;
use crate::error::{Code, NodeError};
use crate::node::{Node, State};
use crate::operators::catalog::Catalog;

/// How many of those that use a component are named where it is not removed because of them.
const NAMED: usize = 10;

impl Node {
    /// Removes the component of that name, or the one of which nothing is known but this digest, or its beginning.
    pub async fn undeploy(&self, name: String, parameters: UndeployParameters) -> Result<Undeployed, NodeError> {
        let node = self.clone();
        let removed = tokio::task::spawn_blocking(move || node.undeploy_now(&name, parameters));
        removed.await.map_err(|error| NodeError::new(Code::Internal, error.to_string()))?
    }

    fn undeploy_now(&self, name: &str, parameters: UndeployParameters) -> Result<Undeployed, NodeError> {
        let _turn = self.deploying();
        let before = self.view().catalog;
        let digests = before.digests(name);
        if digests.is_empty() {
            return Err(unknown(&before, name));
        }
        if self.is_own(&digests) {
            let message =
                format!("component `{name}` is a part of this dag, and would be there again after the next start");
            return Err(NodeError::new(Code::BadRequest, message));
        }
        let operators = before.operators().filter(|(exporter, _)| digests.contains(&exporter.digest()));
        let operators: Vec<String> = operators.map(|(_, signature)| signature.name.clone()).collect();
        let versions = before.history().versions(name).iter().map(|(_, entry)| entry.version.to_string()).collect();
        let mut after = (*before).clone();
        after.remove(name, &digests);
        // From here on nothing new comes to use it.
        self.replace_catalog(Arc::new(after));
        let stopped = match self.let_go(name, &digests, parameters) {
            Ok(stopped) => stopped,
            Err(used) => {
                self.replace_catalog(before);
                return Err(used);
            }
        };
        if parameters.dry_run {
            self.replace_catalog(before);
        } else {
            if let Err(error) = self.inner.meta.remove_components(&digests) {
                self.replace_catalog(before);
                return Err(error.into());
            }
            tracing::info!(component = name, "undeployed");
            self.remove_unknown(&|digest| !digests.contains(&digest));
        }
        Ok(Undeployed { component: name.to_owned(), versions, operators, stopped, dry_run: parameters.dry_run })
    }

    /// Ends what uses these versions of a component, if that is wanted, and tells what that is; an error that names it if not.
    fn let_go(
        &self,
        name: &str,
        digests: &BTreeSet<Digest>,
        parameters: UndeployParameters,
    ) -> Result<Vec<String>, NodeError> {
        let in_runs = self.inner.cursors.names();
        let state = &mut *self.state();
        let running = users(state, digests, |run| run.is_live());
        let streams: BTreeSet<String> = running.iter().map(|(_, stream)| stream.clone()).collect();
        if !parameters.force {
            let of_runs: BTreeSet<IncarnationId> =
                users(state, digests, |_| true).into_iter().map(|(id, _)| id).collect();
            let cursors = in_runs.into_iter().filter(|(_, runs)| runs.iter().any(|run| of_runs.contains(run)));
            let streams = streams.iter().map(|stream| format!("`{stream}` runs"));
            let uses: Vec<String> =
                streams.chain(cursors.map(|(cursor, _)| format!("cursor `{cursor}` is in it"))).collect();
            if !uses.is_empty() {
                return Err(used(name, &uses));
            }
        } else if !parameters.dry_run {
            for (id, _) in &running {
                let commands = self.fail(state, *id, &format!("component `{name}` was undeployed"));
                self.execute(state, commands);
            }
        }
        Ok(streams.into_iter().collect())
    }
}

/// The runs whose last component is one of these, and their streams.
fn users(
    state: &State,
    digests: &BTreeSet<Digest>,
    which: impl Fn(&dag_plan::Run) -> bool,
) -> Vec<(IncarnationId, String)> {
    let runs = state.plan.runs().filter(|run| which(run) && digests.contains(&last_digest(&run.record)));
    runs.map(|run| (run.record.id, run.record.stream.clone())).collect()
}

fn used(name: &str, uses: &[String]) -> NodeError {
    let shown = uses.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match uses.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "component `{name}` is used: {shown}{more}; `dag undeploy {name} --force` ends what runs and removes it"
    );
    NodeError::new(Code::InUse, message)
}

fn unknown(catalog: &Catalog, name: &str) -> NodeError {
    let near = dag_expr::syntax::name::near_help(name, catalog.history().components());
    let hint =
        near.unwrap_or_else(|| "`dag operators` lists operators with the components that export them".to_owned());
    NodeError::new(Code::NotFound, format!("there is no component `{name}`: {hint}"))
}
