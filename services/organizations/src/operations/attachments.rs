//! What policies are attached to.
//!
//! A level with no policy of an enabled type would allow nothing, so the last one stays.

use std::sync::Arc;

use ::identity::Reads;
use ::identity::records::organization::{ControlPolicyRecord, OrganizationRecord, RESOURCE_FULL_ACCESS};
use service::Permit;

use crate::model;
use crate::tree::{self, Node};
use crate::{Error, Organizations, api, page, shapes};

pub(crate) async fn attach(org: Arc<Organizations>, permit: Permit<api::AttachPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let (policy, mut node) = both(edit, &record, &input.policy_id, &input.target_id)?;
        if !record.enabled.contains(&policy.kind) {
            return Err(Error::not_enabled());
        }
        if node.policies().contains(&policy.id) {
            return Err(Error::attached_already());
        }
        let most = model::attached_max(policy.kind);
        if of_same_kind(edit, &record, &policy, node.policies())? >= most {
            let limit = "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED";
            return Err(Error::quota(limit, "policies attached to one target", most));
        }
        node.policies().push(policy.id);
        node.save(edit, &record.id)
    })
    .await
}

pub(crate) async fn detach(org: Arc<Organizations>, permit: Permit<api::DetachPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let (policy, mut node) = both(edit, &record, &input.policy_id, &input.target_id)?;
        if !node.policies().contains(&policy.id) {
            return Err(Error::not_attached());
        }
        if policy.id == RESOURCE_FULL_ACCESS {
            return Err(Error::invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS Managed Policy."));
        }
        if of_same_kind(edit, &record, &policy, node.policies())? <= 1 {
            return Err(Error::last_policy());
        }
        node.policies().retain(|id| *id != policy.id);
        node.save(edit, &record.id)
    })
    .await
}

fn both(
    from: &(impl Reads + ?Sized),
    record: &OrganizationRecord,
    policy: &str,
    target: &str,
) -> Result<(ControlPolicyRecord, Node), Error> {
    let policy = tree::policy(from, &record.id, policy)?.ok_or_else(Error::no_policy)?;
    let node = Node::find(from, &record.id, target)?.ok_or_else(Error::no_target)?;
    Ok((policy, node))
}

fn of_same_kind(
    from: &(impl Reads + ?Sized),
    record: &OrganizationRecord,
    policy: &ControlPolicyRecord,
    ids: &[String],
) -> Result<usize, Error> {
    let mut count = 0;
    for id in ids {
        let other = tree::policy(from, &record.id, id)?;
        count += usize::from(other.is_some_and(|other| other.kind == policy.kind));
    }
    Ok(count)
}

pub(crate) async fn of_target(
    _: Arc<Organizations>,
    permit: Permit<api::ListPoliciesForTarget>,
) -> Result<api::ListPoliciesForTargetResponse, Error> {
    let input = permit.input;
    let kind = model::kind(&input.filter)?;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let mut node = Node::find(&view, &record.id, &input.target_id)?.ok_or_else(Error::no_target)?;
    let mut all = Vec::new();
    for id in node.policies() {
        if let Some(policy) = tree::policy(&view, &record.id, id)?.filter(|policy| policy.kind == kind) {
            all.push((policy.id.clone(), shapes::summary(&record, &policy)));
        }
    }
    let (policies, next_token) = page::of(
        &["ListPoliciesForTarget", &record.id, &input.target_id, &input.filter],
        all,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListPoliciesForTargetResponse { policies: Some(policies), next_token })
}

pub(crate) async fn targets(
    _: Arc<Organizations>,
    permit: Permit<api::ListTargetsForPolicy>,
) -> Result<api::ListTargetsForPolicyResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let policy = tree::policy(&view, &record.id, &input.policy_id)?.ok_or_else(Error::no_policy)?;
    let mut all = Vec::new();
    for mut node in Node::all(&view, &record.id)? {
        if node.policies().contains(&policy.id) {
            let target = shapes::target(&record, &node)?;
            all.push((target.target_id.clone().unwrap_or_default(), target));
        }
    }
    let (targets, next_token) = page::of(
        &["ListTargetsForPolicy", &record.id, &input.policy_id],
        all,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListTargetsForPolicyResponse { targets: Some(targets), next_token })
}
