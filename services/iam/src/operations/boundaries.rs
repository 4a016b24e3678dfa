//! Permissions boundaries of users and roles.
//!
//! A boundary never grants; `policy` makes it narrow.

use std::sync::Arc;

use identity::Edit;
use identity::records::{RoleRecord, UserRecord};
use service::Permit;

use crate::attachments::{self, Bounded};
use crate::{Error, Iam, api, entity};

fn delete<E: Bounded>(edit: &mut Edit<'_, '_>, name: &str) -> Result<(), Error> {
    let mut record: E = entity::load_to_change(edit, name)?;
    if record.boundary().is_none() {
        return Err(Error::NoSuchEntity(format!(
            "The {} with name {name} does not have a permissions boundary.",
            E::NOUN
        )));
    }
    attachments::set_boundary(edit, record, None)
}

pub(crate) async fn put_user(
    iam: Arc<Iam>,
    permit: Permit<api::PutUserPermissionsBoundary>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record: UserRecord = entity::load(edit, edit.account(), &input.user_name)?;
        attachments::set_boundary(edit, record, Some(input.permissions_boundary))
    })
    .await
}

pub(crate) async fn delete_user(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteUserPermissionsBoundary>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| delete::<UserRecord>(edit, &input.user_name)).await
}

pub(crate) async fn put_role(
    iam: Arc<Iam>,
    permit: Permit<api::PutRolePermissionsBoundary>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record: RoleRecord = entity::load_to_change(edit, &input.role_name)?;
        attachments::set_boundary(edit, record, Some(input.permissions_boundary))
    })
    .await
}

pub(crate) async fn delete_role(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteRolePermissionsBoundary>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| delete::<RoleRecord>(edit, &input.role_name)).await
}
