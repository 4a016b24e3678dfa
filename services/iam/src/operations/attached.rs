//! Managed policies attached to users, groups and roles.
//!
//! One set of rules for all three; each operation names the kind it is for.

use std::sync::Arc;

use base::AccountId;
use identity::Reads;
use identity::records::{GroupRecord, RoleRecord, UserRecord};
use service::Permit;

use crate::attachments;
use crate::entity::{self, Entity};
use crate::page::{Page, Paging};
use crate::{Error, Iam, api};

/// A policy's path and name, from its ARN.
pub(super) fn path_and_name(arn: &str) -> (&str, &str) {
    let full = arn.split_once(":policy").map_or("", |(_, full)| full);
    full.rfind('/').map_or(("", full), |at| full.split_at(at + 1))
}

pub(super) fn attached_policy(arn: &str) -> api::AttachedPolicy {
    let (_, name) = path_and_name(arn);
    api::AttachedPolicy { policy_name: Some(name.to_owned()), policy_arn: Some(arn.to_owned()) }
}

fn list<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
    prefix: Option<&str>,
    paging: Paging,
) -> Result<Page<api::AttachedPolicy>, Error> {
    let mut record: E = entity::load(from, account, name)?;
    let below = |arn: &&String| prefix.is_none_or(|prefix| path_and_name(arn).0.starts_with(prefix));
    let policies = record.attached().iter().filter(below).map(|arn| (arn.clone(), attached_policy(arn)));
    paging.of(policies.collect())
}

/// The three operations of one kind of entity.
macro_rules! operations {
    ($record:ty, $name:ident: $attach:ident $Attach:ident, $detach:ident $Detach:ident,
     $list:ident $List:ident $Listed:ident) => {
        pub(crate) async fn $attach(iam: Arc<Iam>, permit: Permit<api::$Attach>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| attachments::attach::<$record>(edit, &input.$name, &input.policy_arn))
                .await
        }

        pub(crate) async fn $detach(iam: Arc<Iam>, permit: Permit<api::$Detach>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| attachments::detach::<$record>(edit, &input.$name, &input.policy_arn))
                .await
        }

        pub(crate) async fn $list(_: Arc<Iam>, permit: Permit<api::$List>) -> Result<api::$Listed, Error> {
            let Permit { input, call, .. } = permit;
            let paging = Paging::new(input.marker, input.max_items);
            let prefix = input.path_prefix.as_deref();
            let page = list::<$record>(&call.view()?, call.account(), &input.$name, prefix, paging)?;
            Ok(api::$Listed {
                attached_policies: Some(page.items),
                is_truncated: page.is_truncated,
                marker: page.marker,
            })
        }
    };
}

operations!(UserRecord, user_name: attach_user_policy AttachUserPolicy, detach_user_policy DetachUserPolicy,
    list_attached_user_policies ListAttachedUserPolicies ListAttachedUserPoliciesResponse);
operations!(GroupRecord, group_name: attach_group_policy AttachGroupPolicy, detach_group_policy DetachGroupPolicy,
    list_attached_group_policies ListAttachedGroupPolicies ListAttachedGroupPoliciesResponse);
operations!(RoleRecord, role_name: attach_role_policy AttachRolePolicy, detach_role_policy DetachRolePolicy,
    list_attached_role_policies ListAttachedRolePolicies ListAttachedRolePoliciesResponse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_name_stand_behind_the_kind() {
        assert_eq!(path_and_name("arn:aws:iam::aws:policy/service-role/X"), ("/service-role/", "X"));
        assert_eq!(path_and_name("arn:aws:iam::1:policy/X"), ("/", "X"));
    }
}
