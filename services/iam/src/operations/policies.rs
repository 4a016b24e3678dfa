//! Managed policies: made, read, deleted, listed; the customer's and AWS's.
//!
//! AWS's policies can be read and attached by everyone and changed by nobody.

use std::sync::Arc;

use base::AccountId;
use identity::directory::customer_policy_name;
use identity::directory::managed::{self, AwsManagedPolicy};
use identity::principal::entity_arn;
use identity::records::{ManagedPolicyRecord, PolicyVersion, keys};
use identity::{Edit, Reads, ids};
use service::Permit;
use store::{Range, Read as _};

use super::{moment, path};
use crate::attachments::{self, Count};
use crate::page::Paging;
use crate::{Error, Iam, api, documents, quota, shapes, tags};

/// A policy that can be read.
pub(super) enum Found {
    Aws(&'static AwsManagedPolicy),
    Own(ManagedPolicyRecord),
}

/// The policy with this ARN.
pub(super) fn find(from: &(impl Reads + ?Sized), account: AccountId, arn: &str) -> Result<Found, Error> {
    if let Some(policy) = managed::by_arn(arn) {
        return Ok(Found::Aws(policy));
    }
    check_arn(arn)?;
    own(from, account, arn)?.map(Found::Own).ok_or_else(|| Error::no_such_policy(arn))
}

/// The customer's policy with this ARN, to be changed.
pub(super) fn load(edit: &Edit<'_, '_>, arn: &str) -> Result<ManagedPolicyRecord, Error> {
    check_arn(arn)?;
    if customer_policy_name(edit.account(), arn).is_none() {
        return Err(Error::outside_account());
    }
    own(edit, edit.account(), arn)?.ok_or_else(|| Error::no_such_policy(arn))
}

/// Writes a customer's policy.
pub(super) fn save(edit: &mut Edit<'_, '_>, record: &ManagedPolicyRecord) -> Result<(), Error> {
    let key = keys::named(edit.account(), &record.name);
    Ok(edit.put(keys::POLICIES, &key, record)?)
}

fn own(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    arn: &str,
) -> Result<Option<ManagedPolicyRecord>, Error> {
    let Some(name) = customer_policy_name(account, arn) else { return Ok(None) };
    let record: Option<ManagedPolicyRecord> = from.record(keys::POLICIES, &keys::named(account, name))?;
    Ok(record.filter(|record| entity_arn(account, "policy", &record.path, &record.name) == arn))
}

/// Refuses what is not the form of a policy's ARN.
pub(crate) fn check_arn(arn: &str) -> Result<(), Error> {
    let parsed: Result<base::Arn, _> = arn.parse();
    let good = parsed.is_ok_and(|arn| {
        arn.partition == base::PARTITION
            && arn.service == "iam"
            && arn.region.is_empty()
            && arn.resource.starts_with("policy/")
    });
    if good { Ok(()) } else { Err(Error::InvalidInput(format!("ARN {arn} is not valid."))) }
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreatePolicy>,
) -> Result<api::CreatePolicyResponse, Error> {
    let Permit { input, call, .. } = permit;
    documents::check_managed(&input.policy_document)?;
    let first = PolicyVersion { number: 1, created_at: moment(&call), document: input.policy_document };
    let record = ManagedPolicyRecord {
        name: input.policy_name,
        path: path(input.path),
        policy_id: ids::entity(ids::POLICY),
        description: input.description,
        created_at: moment(&call),
        updated_at: moment(&call),
        tags: tags::of_new(input.tags, &call)?,
        default_version: 1,
        newest_version: 1,
        versions: vec![first],
    };
    iam.change(&call, |edit| {
        check_new(edit, &record.name)?;
        save(edit, &record)
    })
    .await?;
    let mut policy = shapes::whole_policy(call.account(), &record, Count::default());
    policy.description = None; // AWS tells it in GetPolicy only
    Ok(api::CreatePolicyResponse { policy: Some(policy) })
}

fn check_new(edit: &Edit<'_, '_>, name: &str) -> Result<(), Error> {
    if edit.read(keys::POLICIES, &keys::named(edit.account(), name))?.is_some() {
        return Err(Error::EntityAlreadyExists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    let all = edit.list(keys::POLICIES, &Range::prefix(keys::all_of(edit.account())))?;
    if all.len() >= quota::POLICIES_MAX {
        return Err(Error::quota("PoliciesPerAccount", quota::POLICIES_MAX));
    }
    Ok(())
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetPolicy>,
) -> Result<api::GetPolicyResponse, Error> {
    let account = permit.call.account();
    let arn = &permit.input.policy_arn;
    let view = permit.call.view()?;
    let found = find(&view, account, arn)?;
    let count = attachments::count_of(&view, account, arn)?;
    let policy = match &found {
        Found::Aws(policy) => shapes::aws_policy(policy, count),
        Found::Own(record) => shapes::whole_policy(account, record, count),
    };
    Ok(api::GetPolicyResponse { policy: Some(policy) })
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeletePolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record = load(edit, &input.policy_arn)?;
        if !attachments::uses_of(edit, edit.account(), &input.policy_arn)?.is_empty() {
            return Err(Error::DeleteConflict("Cannot delete a policy attached to entities.".to_owned()));
        }
        if record.versions.len() > 1 {
            return Err(Error::DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                 versions. The default version is deleted with the policy."
                    .to_owned(),
            ));
        }
        Ok(edit.delete(keys::POLICIES, &keys::named(edit.account(), &record.name))?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListPolicies>,
) -> Result<api::ListPoliciesResponse, Error> {
    let input = permit.input;
    let account = permit.call.account();
    let view = permit.call.view()?;
    let counts = attachments::counts(&view, account)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let scope = input.scope.as_deref().unwrap_or("All");
    let usage = input.policy_usage_filter.as_deref();
    let only_attached = input.only_attached.unwrap_or(false);
    let wanted = |path: &str, count: Count| {
        let used = match usage {
            Some("PermissionsBoundary") => count.boundaries > 0,
            Some(_) => count.attached > 0,
            None => true,
        };
        path.starts_with(prefix) && used && (!only_attached || count.attached > 0)
    };
    let mut all = Vec::new();
    if scope != "Local" {
        for policy in managed::all() {
            let arn = policy.arn();
            let count = counts.get(&arn).copied().unwrap_or_default();
            if wanted(&policy.path, count) {
                all.push((arn, shapes::aws_policy(policy, count)));
            }
        }
    }
    if scope != "AWS" {
        for record in view.records::<ManagedPolicyRecord>(keys::POLICIES, &keys::all_of(account))? {
            let arn = entity_arn(account, "policy", &record.path, &record.name);
            let count = counts.get(&arn).copied().unwrap_or_default();
            if wanted(&record.path, count) {
                all.push((arn, shapes::policy(account, &record, count)));
            }
        }
    }
    let page = Paging::new(input.marker, input.max_items).of(all)?;
    Ok(api::ListPoliciesResponse {
        policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
