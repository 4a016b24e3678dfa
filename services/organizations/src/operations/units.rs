//! Organizational units: made, described, renamed, deleted, listed.
//!
//! A unit is a place in the tree: it owns nothing and is nobody.

use std::sync::Arc;

use ::identity::directory::governance::UNITS_DEEP_MAX;
use ::identity::records::organization::{ControlKind, UnitRecord, keys};
use service::Permit;

use crate::model::{UNITS_MAX, ids};
use crate::{Error, Organizations, api, page, shapes, tags, tree};

pub(crate) async fn create(
    org: Arc<Organizations>,
    permit: Permit<api::CreateOrganizationalUnit>,
) -> Result<api::CreateOrganizationalUnitResponse, Error> {
    let Permit { input, call, .. } = permit;
    let tags = tags::of_new(input.tags, &call)?;
    let unit = org
        .change(&call, |edit| {
            let record = tree::managed(edit, edit.account())?;
            let parent = tree::unit(edit, &record.id, &input.parent_id)?.ok_or_else(Error::no_parent)?;
            let units = tree::units(edit, &record.id)?;
            if units.len() > UNITS_MAX {
                return Err(Error::quota("OU_NUMBER_LIMIT_EXCEEDED", "organizational units", UNITS_MAX));
            }
            if tree::depth(edit, &record.id, &parent)? >= UNITS_DEEP_MAX {
                let why =
                    format!("You have exceeded the maximum depth of organizational units: {UNITS_DEEP_MAX}.");
                return Err(Error::constraint("OU_DEPTH_LIMIT_EXCEEDED", why));
            }
            check_free(&units, &parent.id, &input.name)?;
            let unit = UnitRecord {
                id: ids::unit(&record.root),
                parent: Some(parent.id),
                name: input.name,
                policies: defaults(&record.enabled),
                tags,
            };
            edit.put(keys::UNITS, &keys::part(&record.id, &unit.id), &unit)?;
            Ok(shapes::unit(&record, &unit, tree::path(edit, &record.id, &unit)?))
        })
        .await?;
    Ok(api::CreateOrganizationalUnitResponse { organizational_unit: Some(unit) })
}

/// What is attached to everything new.
pub(crate) fn defaults(enabled: &[ControlKind]) -> Vec<String> {
    enabled.iter().map(|kind| kind.full_access().to_owned()).collect()
}

fn check_free(units: &[UnitRecord], parent: &str, name: &str) -> Result<(), Error> {
    let taken = units.iter().any(|unit| unit.parent.as_deref() == Some(parent) && unit.name == name);
    if taken { Err(Error::unit_taken()) } else { Ok(()) }
}

/// A unit; the root is none.
fn load(from: &impl ::identity::Reads, organization: &str, id: &str) -> Result<UnitRecord, Error> {
    let unit = tree::unit(from, organization, id)?.filter(|unit| unit.parent.is_some());
    unit.ok_or_else(Error::no_unit)
}

pub(crate) async fn describe(
    _: Arc<Organizations>,
    permit: Permit<api::DescribeOrganizationalUnit>,
) -> Result<api::DescribeOrganizationalUnitResponse, Error> {
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let unit = load(&view, &record.id, &permit.input.organizational_unit_id)?;
    let path = tree::path(&view, &record.id, &unit)?;
    Ok(api::DescribeOrganizationalUnitResponse {
        organizational_unit: Some(shapes::unit(&record, &unit, path)),
    })
}

pub(crate) async fn update(
    org: Arc<Organizations>,
    permit: Permit<api::UpdateOrganizationalUnit>,
) -> Result<api::UpdateOrganizationalUnitResponse, Error> {
    let Permit { input, call, .. } = permit;
    let unit = org
        .change(&call, |edit| {
            let record = tree::managed(edit, edit.account())?;
            let mut unit = load(edit, &record.id, &input.organizational_unit_id)?;
            if let Some(name) = input.name.filter(|name| *name != unit.name) {
                let units = tree::units(edit, &record.id)?;
                check_free(&units, unit.parent.as_deref().unwrap_or_default(), &name)?;
                unit.name = name;
            }
            edit.put(keys::UNITS, &keys::part(&record.id, &unit.id), &unit)?;
            Ok(shapes::unit(&record, &unit, tree::path(edit, &record.id, &unit)?))
        })
        .await?;
    Ok(api::UpdateOrganizationalUnitResponse { organizational_unit: Some(unit) })
}

pub(crate) async fn delete(
    org: Arc<Organizations>,
    permit: Permit<api::DeleteOrganizationalUnit>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let unit = load(edit, &record.id, &input.organizational_unit_id)?;
        let below = |parent: &str| parent == unit.id;
        let has_units =
            tree::units(edit, &record.id)?.iter().any(|unit| unit.parent.as_deref().is_some_and(below));
        let has_accounts = tree::members(edit, &record.id)?.iter().any(|member| below(&member.parent));
        if has_units || has_accounts {
            return Err(Error::unit_not_empty());
        }
        Ok(edit.delete(keys::UNITS, &keys::part(&record.id, &unit.id))?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Organizations>,
    permit: Permit<api::ListOrganizationalUnitsForParent>,
) -> Result<api::ListOrganizationalUnitsForParentResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let parent = tree::unit(&view, &record.id, &input.parent_id)?.ok_or_else(Error::no_parent)?;
    let above = tree::path(&view, &record.id, &parent)?;
    let units = tree::units(&view, &record.id)?.into_iter();
    let below = units.filter(|unit| unit.parent.as_deref() == Some(&parent.id));
    let shown =
        |unit: UnitRecord| (unit.id.clone(), shapes::unit(&record, &unit, format!("{above}{}/", unit.id)));
    let (units, next_token) = page::of(
        &["ListOrganizationalUnitsForParent", &record.id, &input.parent_id],
        below.map(shown).collect(),
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListOrganizationalUnitsForParentResponse { organizational_units: Some(units), next_token })
}

pub(crate) async fn children(
    _: Arc<Organizations>,
    permit: Permit<api::ListChildren>,
) -> Result<api::ListChildrenResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let parent = tree::unit(&view, &record.id, &input.parent_id)?.ok_or_else(Error::no_parent)?;
    let ids: Vec<String> = if input.child_type == "ACCOUNT" {
        let members = tree::members(&view, &record.id)?.into_iter();
        members.filter(|member| member.parent == parent.id).map(|member| member.account.to_string()).collect()
    } else {
        let units = tree::units(&view, &record.id)?.into_iter();
        units.filter(|unit| unit.parent.as_deref() == Some(&parent.id)).map(|unit| unit.id).collect()
    };
    let child =
        |id: String| (id.clone(), api::Child { id: Some(id), r#type: Some(input.child_type.clone()) });
    let all = ids.into_iter().map(child).collect();
    let (children, next_token) = page::of(
        &["ListChildren", &record.id, &input.parent_id, &input.child_type],
        all,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListChildrenResponse { children: Some(children), next_token })
}

pub(crate) async fn parents(
    _: Arc<Organizations>,
    permit: Permit<api::ListParents>,
) -> Result<api::ListParentsResponse, Error> {
    use crate::model::Target;
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let parent = match Target::of(&input.child_id) {
        Some(Target::Account(account)) => {
            tree::member(&view, &record.id, account)?.map(|member| member.parent)
        }
        Some(Target::Unit) => tree::unit(&view, &record.id, &input.child_id)?.and_then(|unit| unit.parent),
        _ => None,
    };
    let id = parent.ok_or_else(Error::no_child)?;
    let kind = if id == record.root { Target::Root } else { Target::Unit };
    let all = vec![(id.clone(), api::Parent { id: Some(id), r#type: Some(kind.name().to_owned()) })];
    let (parents, next_token) =
        page::of(&["ListParents", &record.id, &input.child_id], all, input.next_token, input.max_results)?;
    Ok(api::ListParentsResponse { parents: Some(parents), next_token })
}
