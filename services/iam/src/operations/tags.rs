//! Tags of users, roles and managed policies.
//!
//! A principal's tags are in its next request's context.

use std::sync::Arc;

use identity::records::{RoleRecord, Tag, UserRecord};
use service::Permit;

use super::policies::{self, Found};
use crate::page::{Page, Paging};
use crate::{Error, Iam, api, entity, tags};

fn page(stored: &[Tag], paging: Paging) -> Result<Page<api::Tag>, Error> {
    paging.of(tags::list(stored).into_iter().map(|tag| (tag.key.clone(), tag)).collect())
}

/// The three operations of users or roles.
macro_rules! operations {
    ($record:ty, $name:ident: $tag:ident $Tag:ident, $untag:ident $Untag:ident, $list:ident $List:ident $Listed:ident) => {
        pub(crate) async fn $tag(iam: Arc<Iam>, permit: Permit<api::$Tag>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| {
                let mut record: $record = entity::load(edit, edit.account(), &input.$name)?;
                tags::add(&mut record.tags, input.tags)?;
                entity::save(edit, &record)
            })
            .await
        }

        pub(crate) async fn $untag(iam: Arc<Iam>, permit: Permit<api::$Untag>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| {
                let mut record: $record = entity::load(edit, edit.account(), &input.$name)?;
                tags::remove(&mut record.tags, &input.tag_keys)?;
                entity::save(edit, &record)
            })
            .await
        }

        pub(crate) async fn $list(_: Arc<Iam>, permit: Permit<api::$List>) -> Result<api::$Listed, Error> {
            let Permit { input, call, .. } = permit;
            let record: $record = entity::load(&call.view()?, call.account(), &input.$name)?;
            let page = page(&record.tags, Paging::new(input.marker, input.max_items))?;
            Ok(api::$Listed { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
        }
    };
}

operations!(UserRecord, user_name: tag_user TagUser, untag_user UntagUser,
    list_user_tags ListUserTags ListUserTagsResponse);
operations!(RoleRecord, role_name: tag_role TagRole, untag_role UntagRole,
    list_role_tags ListRoleTags ListRoleTagsResponse);

pub(crate) async fn tag_policy(iam: Arc<Iam>, permit: Permit<api::TagPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = policies::load(edit, &input.policy_arn)?;
        tags::add(&mut record.tags, input.tags)?;
        policies::save(edit, &record)
    })
    .await
}

pub(crate) async fn untag_policy(iam: Arc<Iam>, permit: Permit<api::UntagPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = policies::load(edit, &input.policy_arn)?;
        tags::remove(&mut record.tags, &input.tag_keys)?;
        policies::save(edit, &record)
    })
    .await
}

pub(crate) async fn list_policy_tags(
    _: Arc<Iam>,
    permit: Permit<api::ListPolicyTags>,
) -> Result<api::ListPolicyTagsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let stored = match policies::find(&call.view()?, call.account(), &input.policy_arn)? {
        Found::Aws(_) => Vec::new(),
        Found::Own(record) => record.tags,
    };
    let page = page(&stored, Paging::new(input.marker, input.max_items))?;
    Ok(api::ListPolicyTagsResponse { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}
