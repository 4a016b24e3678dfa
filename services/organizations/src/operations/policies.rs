//! Control policies: made, described, changed, deleted, listed.
//!
//! A policy binds nobody until it is attached; a change of one binds everyone below at their next call.

use std::sync::Arc;

use ::identity::records::organization::{ControlKind, ControlPolicyRecord, keys};
use service::Permit;

use crate::model::{self, POLICIES_MAX, ids};
use crate::{Error, Organizations, api, page, shapes, tags, tree};

pub(crate) async fn create(
    org: Arc<Organizations>,
    permit: Permit<api::CreatePolicy>,
) -> Result<api::CreatePolicyResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = model::kind(&input.r#type)?;
    model::check_document(kind, &input.content)?;
    let tags = tags::of_new(input.tags, &call)?;
    let policy = org
        .change(&call, |edit| {
            let record = tree::managed(edit, edit.account())?;
            let policies = tree::policies(edit, &record.id, kind)?;
            if policies.len() > POLICIES_MAX {
                return Err(Error::quota("POLICY_NUMBER_LIMIT_EXCEEDED", "policies", POLICIES_MAX));
            }
            check_free(&policies, &input.name)?;
            let policy = ControlPolicyRecord {
                id: ids::policy(),
                name: input.name,
                description: input.description,
                kind,
                document: input.content,
                tags,
            };
            edit.put(keys::CONTROL_POLICIES, &keys::part(&record.id, &policy.id), &policy)?;
            Ok(shapes::policy(&record, &policy))
        })
        .await?;
    Ok(api::CreatePolicyResponse { policy: Some(policy) })
}

fn check_free(policies: &[ControlPolicyRecord], name: &str) -> Result<(), Error> {
    if policies.iter().any(|policy| policy.name == name) { Err(Error::policy_taken()) } else { Ok(()) }
}

/// AWS's own policies can be neither changed nor deleted.
fn check_own(id: &str) -> Result<(), Error> {
    match ControlKind::of_aws_policy(id) {
        Some(_) => {
            Err(Error::invalid("IMMUTABLE_POLICY", "You can't change a policy that is managed by AWS."))
        }
        None => Ok(()),
    }
}

pub(crate) async fn describe(
    _: Arc<Organizations>,
    permit: Permit<api::DescribePolicy>,
) -> Result<api::DescribePolicyResponse, Error> {
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let policy = tree::policy(&view, &record.id, &permit.input.policy_id)?.ok_or_else(Error::no_policy)?;
    Ok(api::DescribePolicyResponse { policy: Some(shapes::policy(&record, &policy)) })
}

pub(crate) async fn update(
    org: Arc<Organizations>,
    permit: Permit<api::UpdatePolicy>,
) -> Result<api::UpdatePolicyResponse, Error> {
    let Permit { input, call, .. } = permit;
    check_own(&input.policy_id)?;
    let policy = org
        .change(&call, |edit| {
            let record = tree::managed(edit, edit.account())?;
            let mut policy =
                tree::policy(edit, &record.id, &input.policy_id)?.ok_or_else(Error::no_policy)?;
            if let Some(name) = input.name.filter(|name| *name != policy.name) {
                check_free(&tree::policies(edit, &record.id, policy.kind)?, &name)?;
                policy.name = name;
            }
            if let Some(document) = input.content {
                model::check_document(policy.kind, &document)?;
                policy.document = document;
            }
            policy.description = input.description.unwrap_or(policy.description);
            edit.put(keys::CONTROL_POLICIES, &keys::part(&record.id, &policy.id), &policy)?;
            Ok(shapes::policy(&record, &policy))
        })
        .await?;
    Ok(api::UpdatePolicyResponse { policy: Some(policy) })
}

pub(crate) async fn delete(org: Arc<Organizations>, permit: Permit<api::DeletePolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    check_own(&input.policy_id)?;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let policy = tree::policy(edit, &record.id, &input.policy_id)?.ok_or_else(Error::no_policy)?;
        let mut nodes = tree::Node::all(edit, &record.id)?;
        if nodes.iter_mut().any(|node| node.policies().contains(&policy.id)) {
            return Err(Error::policy_in_use());
        }
        Ok(edit.delete(keys::CONTROL_POLICIES, &keys::part(&record.id, &policy.id))?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Organizations>,
    permit: Permit<api::ListPolicies>,
) -> Result<api::ListPoliciesResponse, Error> {
    let input = permit.input;
    let kind = model::kind(&input.filter)?;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let policies = tree::policies(&view, &record.id, kind)?.into_iter();
    let all = policies.map(|policy| (policy.id.clone(), shapes::summary(&record, &policy))).collect();
    let (policies, next_token) =
        page::of(&["ListPolicies", &record.id, &input.filter], all, input.next_token, input.max_results)?;
    Ok(api::ListPoliciesResponse { policies: Some(policies), next_token })
}
