//! The organization itself: made, described, left, deleted.
//!
//! Who makes it manages it, and cannot leave it.

use std::sync::Arc;

use ::identity::Reads as _;
use ::identity::records::AccountRecord;
use ::identity::records::organization::{
    ControlKind, ControlPolicyRecord, CreationRecord, MemberRecord, OrganizationRecord, UnitRecord, keys,
};
use service::Permit;

use super::moment;
use crate::model::{ROLE, ids};
use crate::{Error, Organizations, api, page, shapes, tree};

pub(crate) async fn create(
    org: Arc<Organizations>,
    permit: Permit<api::CreateOrganization>,
) -> Result<api::CreateOrganizationResponse, Error> {
    let Permit { input, call, .. } = permit;
    if input.feature_set.as_deref().is_some_and(|features| features != "ALL") {
        return Err(Error::invalid(
            "INVALID_ENUM",
            "Only organizations with the feature set ALL are offered here.",
        ));
    }
    ROLE.may_make::<Error>(&org.directory, &call)?;
    let record = OrganizationRecord {
        id: ids::organization(),
        management: call.account(),
        root: ids::root(),
        created_at: moment(&call),
        // As in AWS, service control policies have to be enabled before they bind anyone.
        enabled: Vec::new(),
        trusted_services: Vec::new(),
        root_features: Vec::new(),
    };
    let root = UnitRecord {
        id: record.root.clone(),
        parent: None,
        name: "Root".to_owned(),
        policies: Vec::new(),
        // An organization has no tags: its root tells whose it is.
        tags: call.marks(),
    };
    let mut member = MemberRecord {
        account: call.account(),
        organization: record.id.clone(),
        parent: record.root.clone(),
        name: call.account().to_string(),
        // The account was not made with an address.
        email: String::new(),
        joined_at: moment(&call),
        created: false,
        policies: Vec::new(),
        tags: Vec::new(),
        delegated: Vec::new(),
        closed_at: None,
    };
    let shown = org
        .change(&call, |edit| {
            let key = keys::member(edit.account());
            if edit.record::<MemberRecord>(keys::MEMBERS, &key)?.is_some() {
                return Err(Error::already_in());
            }
            let own = ::identity::records::keys::account(edit.account());
            let account: Option<AccountRecord> = edit.record(::identity::records::keys::ACCOUNTS, &own)?;
            if let Some(alias) = account.and_then(|account| account.alias) {
                member.name = alias;
            }
            edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?;
            edit.put(keys::UNITS, &keys::part(&record.id, &root.id), &root)?;
            edit.put(keys::MEMBERS, &key, &member)?;
            ROLE.ensure(edit, call.now())?;
            Ok(shapes::organization(&record, &member))
        })
        .await?;
    Ok(api::CreateOrganizationResponse { organization: Some(shown) })
}

pub(crate) async fn describe(
    _: Arc<Organizations>,
    permit: Permit<api::DescribeOrganization>,
) -> Result<api::DescribeOrganizationResponse, Error> {
    let view = permit.call.view()?;
    let (record, _) = tree::seat(&view, permit.call.account())?;
    let management = tree::member(&view, &record.id, record.management)?.ok_or_else(Error::not_in_use)?;
    Ok(api::DescribeOrganizationResponse { organization: Some(shapes::organization(&record, &management)) })
}

pub(crate) async fn delete(
    org: Arc<Organizations>,
    permit: Permit<api::DeleteOrganization>,
) -> Result<(), Error> {
    org.change(&permit.call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        if tree::members(edit, &record.id)?.len() > 1 {
            return Err(Error::not_empty());
        }
        let all = keys::organization(&record.id);
        for unit in tree::units(edit, &record.id)? {
            edit.delete(keys::UNITS, &keys::part(&record.id, &unit.id))?;
        }
        for policy in edit.records::<ControlPolicyRecord>(keys::CONTROL_POLICIES, &all)? {
            edit.delete(keys::CONTROL_POLICIES, &keys::part(&record.id, &policy.id))?;
        }
        for creation in edit.records::<CreationRecord>(keys::CREATIONS, &all)? {
            edit.delete(keys::CREATIONS, &keys::part(&record.id, &creation.id))?;
        }
        edit.delete(keys::MEMBERS, &keys::member(edit.account()))?;
        Ok(edit.delete(keys::ORGANIZATIONS, &all)?)
    })
    .await
}

pub(crate) async fn leave(
    org: Arc<Organizations>,
    permit: Permit<api::LeaveOrganization>,
) -> Result<(), Error> {
    org.change(&permit.call, |edit| {
        let (record, member) = tree::seat(edit, edit.account())?;
        if record.management == member.account {
            return Err(Error::stays());
        }
        super::accounts::check_no_delegation(&member)?;
        Ok(edit.delete(keys::MEMBERS, &keys::member(member.account))?)
    })
    .await
}

pub(crate) async fn roots(
    _: Arc<Organizations>,
    permit: Permit<api::ListRoots>,
) -> Result<api::ListRootsResponse, Error> {
    let record = tree::readable(&permit.call.view()?, permit.call.account())?;
    let all = vec![(record.root.clone(), shapes::root(&record))];
    let (roots, next_token) =
        page::of(&["ListRoots", &record.id], all, permit.input.next_token, permit.input.max_results)?;
    Ok(api::ListRootsResponse { roots: Some(roots), next_token })
}

pub(crate) async fn enable(
    org: Arc<Organizations>,
    permit: Permit<api::EnablePolicyType>,
) -> Result<api::EnablePolicyTypeResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = crate::model::kind(&input.policy_type)?;
    let root = org
        .change(&call, |edit| {
            let mut record = on_root(edit, &input.root_id)?;
            if record.enabled.contains(&kind) {
                return Err(Error::enabled_already());
            }
            record.enabled.push(kind);
            // Everything may still do everything: only then does a policy less, or one more, take something away.
            for mut node in tree::Node::all(edit, &record.id)? {
                node.policies().push(kind.full_access().to_owned());
                node.save(edit, &record.id)?;
            }
            edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?;
            Ok(shapes::root(&record))
        })
        .await?;
    Ok(api::EnablePolicyTypeResponse { root: Some(root) })
}

pub(crate) async fn disable(
    org: Arc<Organizations>,
    permit: Permit<api::DisablePolicyType>,
) -> Result<api::DisablePolicyTypeResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = crate::model::kind(&input.policy_type)?;
    let root = org
        .change(&call, |edit| {
            let mut record = on_root(edit, &input.root_id)?;
            if !record.enabled.contains(&kind) {
                return Err(Error::not_enabled());
            }
            record.enabled.retain(|enabled| *enabled != kind);
            // As in AWS, what was attached is detached, and does not come back when the type does.
            detach_all(edit, &record.id, kind)?;
            edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?;
            Ok(shapes::root(&record))
        })
        .await?;
    Ok(api::DisablePolicyTypeResponse { root: Some(root) })
}

fn detach_all(
    edit: &mut ::identity::Edit<'_, '_>,
    organization: &str,
    kind: ControlKind,
) -> Result<(), Error> {
    let of_kind: Vec<String> =
        tree::policies(edit, organization, kind)?.into_iter().map(|policy| policy.id).collect();
    for mut node in tree::Node::all(edit, organization)? {
        node.policies().retain(|id| !of_kind.contains(id));
        node.save(edit, organization)?;
    }
    Ok(())
}

fn on_root(edit: &::identity::Edit<'_, '_>, id: &str) -> Result<OrganizationRecord, Error> {
    let record = tree::managed(edit, edit.account())?;
    if record.root == id { Ok(record) } else { Err(Error::no_root()) }
}
