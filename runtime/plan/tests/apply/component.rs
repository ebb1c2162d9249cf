use dag_model::{Digest, Timestamp};
use dag_plan::{Change, Ending, Entity, How, Named, Proposal, Refusal};

use crate::kit::{done, id, nested, plan, refused};

fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

fn named(version: u8) -> Named {
    Named { component: "peak".into(), version: format!("{version}.0.0") }
}

fn deploy(version: u8, how: How) -> Change {
    Change::Deploy { digest: digest(version), named: named(version), how, at: Timestamp(i64::from(version)) }
}

#[test]
fn only_what_somebody_deployed_supersedes() {
    use How::{Deployed, Embedded, RolledBack};
    let mut plan = plan();
    done(&mut plan, [deploy(1, Embedded), deploy(2, Embedded)]);
    assert!(!plan.superseded(digest(1)));
    done(&mut plan, [deploy(3, Deployed)]);
    assert!(plan.superseded(digest(1)) && plan.superseded(digest(2)) && !plan.superseded(digest(3)));
    done(&mut plan, [deploy(1, RolledBack)]);
    assert!(plan.superseded(digest(3)) && !plan.superseded(digest(1)));
}

#[test]
fn what_runs_is_not_undeployed() {
    let mut plan = nested();
    done(&mut plan, [deploy(1, How::Deployed), Change::Limit { digest: digest(1), settings: "{}".into() }]);
    let undeploy = || Change::Undeploy { digest: digest(1) };
    assert!(matches!(refused(&mut plan, &Proposal::of([undeploy()])), Refusal::Used { by, .. } if by == id(1)));
    let fail = Change::End { incarnation: id(1), how: Ending::Failed("component `peak` was undeployed".into()) };
    done(&mut plan, [fail, undeploy()]);
    assert_eq!((plan.deployments().count(), plan.limits(digest(1))), (0, None));
}

#[test]
fn two_deployments_at_once_are_one_and_a_stale_one() {
    let mut plan = plan();
    done(&mut plan, [deploy(1, How::Deployed)]);
    let component = || Entity::Component("peak".into());
    let revision = plan.revision_of(&component());
    let next = |version| Proposal::of([deploy(version, How::Deployed)]).on(component(), revision);
    dag_plan::apply(&mut plan, &next(2)).unwrap();
    assert!(matches!(refused(&mut plan, &next(3)), Refusal::Stale { .. }));
    assert_eq!(plan.deployments_of("peak").map(|(order, _)| order).collect::<Vec<_>>(), [1, 2]);
}
