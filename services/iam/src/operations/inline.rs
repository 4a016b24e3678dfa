//! Inline policies of users, groups and roles.
//!
//! One set of rules for all three; each operation names the kind it is for.

use std::sync::Arc;

use base::AccountId;
use identity::records::{GroupRecord, InlinePolicy, RoleRecord, UserRecord};
use identity::{Edit, Reads};
use policy::quota as size;
use service::{Call, Permit};

use crate::entity::{self, Entity};
use crate::page::{Page, Paging};
use crate::{Error, Iam, api, documents};

fn put<E: Entity>(
    edit: &mut Edit<'_, '_>,
    call: &Call,
    name: &str,
    policy: InlinePolicy,
) -> Result<(), Error> {
    let mut record: E = entity::load_to_change(edit, name)?;
    documents::check_inline(&policy.document)?;
    let inline = record.inline();
    if inline.iter().all(|other| other.name != policy.name) {
        call.made(&format!("{}/{name}/{}", E::NOUN, policy.name));
    }
    inline.retain(|other| other.name != policy.name);
    inline.push(policy);
    inline.sort_by(|left, right| left.name.cmp(&right.name));
    let used: usize = inline.iter().map(|policy| size::characters(&policy.document)).sum();
    if used > E::INLINE_CHARACTERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Maximum policy size of {} bytes exceeded for {} {name}",
            E::INLINE_CHARACTERS_MAX,
            E::NOUN
        )));
    }
    entity::save(edit, &record)
}

fn get<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
    policy: &str,
) -> Result<InlinePolicy, Error> {
    let mut record: E = entity::load(from, account, name)?;
    let found = record.inline().iter().find(|other| other.name == policy).cloned();
    found.ok_or_else(|| Error::no_such_inline(E::NOUN, policy))
}

fn delete<E: Entity>(edit: &mut Edit<'_, '_>, name: &str, policy: &str) -> Result<(), Error> {
    let mut record: E = entity::load_to_change(edit, name)?;
    let before = record.inline().len();
    record.inline().retain(|other| other.name != policy);
    if record.inline().len() == before {
        return Err(Error::no_such_inline(E::NOUN, policy));
    }
    entity::save(edit, &record)
}

fn list<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
    paging: Paging,
) -> Result<Page<String>, Error> {
    let mut record: E = entity::load(from, account, name)?;
    let names = record.inline().iter().map(|policy| (policy.name.clone(), policy.name.clone()));
    paging.of(names.collect())
}

/// The four operations of one kind of entity.
macro_rules! operations {
    ($record:ty, $name:ident: $put:ident $Put:ident, $get:ident $Get:ident $Got:ident, $delete:ident $Delete:ident,
     $list:ident $List:ident $Listed:ident) => {
        pub(crate) async fn $put(iam: Arc<Iam>, permit: Permit<api::$Put>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            let policy = InlinePolicy { name: input.policy_name, document: input.policy_document };
            iam.change(&call, |edit| put::<$record>(edit, &call, &input.$name, policy)).await
        }

        pub(crate) async fn $get(_: Arc<Iam>, permit: Permit<api::$Get>) -> Result<api::$Got, Error> {
            let Permit { input, call, .. } = permit;
            let store = &call.view()?;
            let found = get::<$record>(store, call.account(), &input.$name, &input.policy_name)?;
            Ok(api::$Got {
                $name: input.$name,
                policy_name: found.name,
                policy_document: documents::escaped(&found.document),
            })
        }

        pub(crate) async fn $delete(iam: Arc<Iam>, permit: Permit<api::$Delete>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| delete::<$record>(edit, &input.$name, &input.policy_name)).await
        }

        pub(crate) async fn $list(_: Arc<Iam>, permit: Permit<api::$List>) -> Result<api::$Listed, Error> {
            let Permit { input, call, .. } = permit;
            let paging = Paging::new(input.marker, input.max_items);
            let page = list::<$record>(&call.view()?, call.account(), &input.$name, paging)?;
            Ok(api::$Listed {
                policy_names: page.items,
                is_truncated: page.is_truncated,
                marker: page.marker,
            })
        }
    };
}

operations!(UserRecord, user_name: put_user_policy PutUserPolicy, get_user_policy GetUserPolicy GetUserPolicyResponse,
    delete_user_policy DeleteUserPolicy, list_user_policies ListUserPolicies ListUserPoliciesResponse);
operations!(GroupRecord, group_name: put_group_policy PutGroupPolicy, get_group_policy GetGroupPolicy GetGroupPolicyResponse,
    delete_group_policy DeleteGroupPolicy, list_group_policies ListGroupPolicies ListGroupPoliciesResponse);
operations!(RoleRecord, role_name: put_role_policy PutRolePolicy, get_role_policy GetRolePolicy GetRolePolicyResponse,
    delete_role_policy DeleteRolePolicy, list_role_policies ListRolePolicies ListRolePoliciesResponse);
