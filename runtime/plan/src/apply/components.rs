//! What becomes of components.

use dag_model::{Digest, Timestamp};

use super::{Refusal, Step};
use crate::component::{Deployment, How, Named, SaidLimits};
use crate::entity::Entity;

/// The most deployments that are remembered.
pub const MAX_DEPLOYMENTS: usize = 100_000;

impl Step {
    pub(super) fn deploy(&mut self, digest: Digest, named: &Named, how: How, at: Timestamp) -> Result<(), Refusal> {
        if self.plan.deployments_len() >= MAX_DEPLOYMENTS {
            return Err(Refusal::Full { what: "deployments", most: MAX_DEPLOYMENTS });
        }
        let order = self.plan.counters.deployment;
        self.plan.counters.deployment += 1;
        let named = Some(named.clone());
        self.put_deployment(order, Deployment { digest, named, at: Some(at), how, revision: self.revision });
        Ok(())
    }

    pub(super) fn name(&mut self, digest: Digest, named: &Named) -> Result<(), Refusal> {
        let found = self.plan.deployments_with(digest);
        if found.is_empty() {
            return Err(Refusal::Missing(Entity::Component(format!("{digest:#}"))));
        }
        for (order, deployment) in found {
            let named = Some(named.clone());
            if deployment.named != named {
                let revision = self.revision;
                self.put_deployment(order, Deployment { named, revision, ..Deployment::clone(&deployment) });
            }
        }
        Ok(())
    }

    pub(super) fn limit(&mut self, digest: Digest, settings: &str) -> Result<(), Refusal> {
        let limits = SaidLimits { settings: settings.to_owned(), revision: self.revision };
        self.plan.put_limits(digest, Some(limits));
        self.touched.insert(Entity::Limits(digest));
        Ok(())
    }

    pub(super) fn undeploy(&mut self, digest: Digest) -> Result<(), Refusal> {
        // A copy that begins before a mark runs an earlier version up to it.
        let uses = |course: &crate::course::Course| course.versions().any(|version| version == digest);
        if let Some((by, _)) = self.plan.live().find(|(_, course)| uses(course)) {
            return Err(Refusal::Used { what: Entity::Component(format!("{digest:#}")), by });
        }
        for (order, deployment) in self.plan.deployments_with(digest) {
            self.touched.extend(deployment.named.iter().map(|named| Entity::Component(named.component.clone())));
            self.touched.insert(Entity::Deployment(order));
            self.plan.put_deployment(order, None);
        }
        if self.plan.limits(digest).is_some() {
            self.touched.insert(Entity::Limits(digest));
            self.plan.put_limits(digest, None);
        }
        Ok(())
    }

    fn put_deployment(&mut self, order: u64, deployment: Deployment) {
        self.touched.extend(deployment.named.iter().map(|named| Entity::Component(named.component.clone())));
        self.touched.insert(Entity::Deployment(order));
        self.plan.put_deployment(order, Some(deployment));
    }
}
