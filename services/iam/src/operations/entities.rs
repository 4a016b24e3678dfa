//! Who a managed policy is attached to.
//!
//! Reads the index of attachments, and the entities for their ids and paths.

use std::sync::Arc;

use base::AccountId;
use identity::Reads;
use identity::records::{GroupRecord, RoleRecord, UserRecord};
use service::Permit;

use super::policies;
use crate::attachments::{self, Use};
use crate::entity::{self, Entity};
use crate::page::Paging;
use crate::{Error, Iam, api};

/// An entity as it is told: its kind, name and id.
struct Told {
    title: &'static str,
    name: String,
    id: String,
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListEntitiesForPolicy>,
) -> Result<api::ListEntitiesForPolicyResponse, Error> {
    let input = permit.input;
    let account = permit.call.account();
    let view = permit.call.view()?;
    policies::find(&view, account, &input.policy_arn)?;
    let boundary = input.policy_usage_filter.as_deref() == Some("PermissionsBoundary");
    let both = input.policy_usage_filter.is_none();
    let mut all: Vec<(String, Told)> = Vec::new();
    for used in attachments::uses_of(&view, account, &input.policy_arn)? {
        let wanted = (both || used.boundary == boundary)
            && input.entity_filter.as_deref().is_none_or(|filter| filter == used.title);
        let key = format!("{} {}", used.title, used.name.to_ascii_lowercase());
        if !wanted || all.iter().any(|(other, _)| *other == key) {
            continue;
        }
        if let Some(told) = told(&view, account, &used, input.path_prefix.as_deref())? {
            all.push((key, told));
        }
    }
    let page = Paging::new(input.marker, input.max_items).of(all)?;
    let of = |title: &'static str| page.items.iter().filter(move |told| told.title == title);
    let id = |told: &Told| (Some(told.name.clone()), Some(told.id.clone()));
    Ok(api::ListEntitiesForPolicyResponse {
        policy_groups: Some(
            of("Group")
                .map(id)
                .map(|(group_name, group_id)| api::PolicyGroup { group_name, group_id })
                .collect(),
        ),
        policy_users: Some(
            of("User").map(id).map(|(user_name, user_id)| api::PolicyUser { user_name, user_id }).collect(),
        ),
        policy_roles: Some(
            of("Role").map(id).map(|(role_name, role_id)| api::PolicyRole { role_name, role_id }).collect(),
        ),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn told(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    used: &Use,
    prefix: Option<&str>,
) -> Result<Option<Told>, Error> {
    match used.title.as_str() {
        UserRecord::TITLE => one::<UserRecord>(from, account, &used.name, prefix),
        GroupRecord::TITLE => one::<GroupRecord>(from, account, &used.name, prefix),
        _ => one::<RoleRecord>(from, account, &used.name, prefix),
    }
}

fn one<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
    prefix: Option<&str>,
) -> Result<Option<Told>, Error> {
    let found = entity::find::<E>(from, account, name)?;
    let found = found.filter(|record| prefix.is_none_or(|prefix| record.path().starts_with(prefix)));
    Ok(found.map(|record| Told {
        title: E::TITLE,
        name: record.name().to_owned(),
        id: record.id().to_owned(),
    }))
}
