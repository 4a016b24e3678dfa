//! The leave that each operation needs: its action on a user, group, role or policy, with the keys IAM's policies know.
//!
//! It names and never decides; whether something exists is seen here for its path and tags, and told only by the
//! handlers, after the decision.

pub(crate) mod credentials;
pub(crate) mod federation;

use identity::principal::{entity_arn, root_arn};
use identity::records::{
    AccessKeyRecord, GroupRecord, KeyOwner, ManagedPolicyRecord, RoleRecord, Tag, UserRecord, keys,
};
use identity::{Principal, Reads as _};
use protocol::Operation;
use service::{Access, AccessRequest};

use crate::entity::{self, Entity};
use crate::{Error, Iam, api};

type Outcome = Result<Access, Error>;

/// Leave for `action` on `resource`.
// SECURITY: a session of a user without a second factor may not use this API at all, whatever its policies say: it
// would otherwise outlive the key it was made from by making another.
pub(crate) fn leave<I>(
    request: &AccessRequest<'_, I>,
    action: &'static str,
    resource: impl Into<String>,
) -> Outcome {
    let session = match request.principal {
        // The policy of its task says what it may.
        Principal::Root(root) if root.assumed.is_some() => None,
        Principal::Root(root) => root.session.as_ref(),
        Principal::User(user) => user.session.as_ref(),
        // As in AWS, this API is not for federated users.
        Principal::FederatedUser(_) => return Err(Error::invalid_token()),
        _ => None,
    };
    if session.is_some_and(|session| !session.mfa) {
        return Err(Error::invalid_token());
    }
    Ok(Access::to(action, resource))
}

fn tagged(access: Access, tags: &[Tag]) -> Access {
    let own = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    tags.iter().fold(access.resource_tags(own), |access, (key, value)| {
        access.when(format!("iam:ResourceTag/{key}"), [value.as_str()])
    })
}

fn requested(access: Access, tags: Option<&Vec<api::Tag>>) -> Access {
    access.request_tags(pairs(tags))
}

fn pairs(tags: Option<&Vec<api::Tag>>) -> impl Iterator<Item = (&str, &str)> {
    tags.into_iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()))
}

/// Leave to make `arn`, and to tag it as well where the request brings tags.
fn creation<I>(
    request: &AccessRequest<'_, I>,
    action: &'static str,
    tagging: &'static str,
    arn: &str,
    tags: Option<&Vec<api::Tag>>,
) -> Outcome {
    Ok(requested(leave(request, action, arn)?, tags).and_tags(tagging, arn, pairs(tags)))
}

// As in AWS, a refusal names a user, role or group without the path that was looked up for it.
fn on_user<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let found = entity::find::<UserRecord>(request.records, request.account, name)?;
    let path = found.as_ref().map_or("/", |user| user.path());
    let arn = entity_arn(request.account, "user", path, name);
    let mut access = leave(request, action, arn)?.told_as(format!("user {name}"));
    if let Some(user) = &found {
        access = tagged(access, &user.tags);
        if let Some(boundary) = &user.boundary {
            access = access.when("iam:PermissionsBoundary", [boundary.as_str()]);
        }
    }
    Ok(access)
}

pub(crate) fn on_role<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let found = entity::find::<RoleRecord>(request.records, request.account, name)?;
    let path = found.as_ref().map_or("/", |role| role.path());
    let arn = entity_arn(request.account, "role", path, name);
    let mut access = leave(request, action, arn)?.told_as(format!("role {name}"));
    if let Some(role) = &found {
        access = tagged(access, &role.tags);
        if let Some(boundary) = &role.boundary {
            access = access.when("iam:PermissionsBoundary", [boundary.as_str()]);
        }
    }
    Ok(access)
}

fn on_group<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let found = entity::find::<GroupRecord>(request.records, request.account, name)?;
    let path = found.as_ref().map_or("/", |group| group.path());
    let arn = entity_arn(request.account, "group", path, name);
    Ok(leave(request, action, arn)?.told_as(format!("group {name}")))
}

/// Leave on the user that a request names.
pub(crate) fn user<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| on_user(request, action, name(request.input))
}

/// Leave on the user that a request names, or on the caller.
pub(crate) fn user_or_caller<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> Option<&str>,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| match (name(request.input), request.principal) {
        (Some(name), _) => on_user(request, action, name),
        (None, Principal::User(user)) => on_user(request, action, &user.name),
        (None, _) => leave(request, action, root_arn(request.account)),
    }
}

/// Leave on the group that a request names.
pub(crate) fn group<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| on_group(request, action, name(request.input))
}

/// Leave on the role that a request names.
pub(crate) fn role<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| on_role(request, action, name(request.input))
}

/// Leave on the managed policy that a request names.
pub(crate) fn policy<O: Operation>(
    action: &'static str,
    arn: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| {
        let arn = arn(request.input);
        let access = leave(request, action, arn)?;
        let name = identity::directory::customer_policy_name(request.account, arn);
        let Some(name) = name else { return Ok(access) };
        let key = keys::named(request.account, name);
        let found: Option<ManagedPolicyRecord> = request.records.record(keys::POLICIES, &key)?;
        Ok(tagged(access, found.as_ref().map(|policy| policy.tags.as_slice()).unwrap_or_default()))
    }
}

/// Leave to attach or detach the policy that a request names.
pub(crate) fn with_policy<O: Operation>(
    access: impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static,
    arn: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |iam, request| Ok(access(iam, request)?.when("iam:PolicyARN", [arn(request.input)]))
}

/// Leave to set tags.
pub(crate) fn with_tags<O: Operation>(
    access: impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static,
    tags: fn(&O::Input) -> &Vec<api::Tag>,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |iam, request| Ok(requested(access(iam, request)?, Some(tags(request.input))))
}

/// Leave to take tags away.
pub(crate) fn with_tag_keys<O: Operation>(
    access: impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static,
    keys: fn(&O::Input) -> &Vec<String>,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |iam, request| {
        Ok(access(iam, request)?.when("aws:TagKeys", keys(request.input).iter().map(String::as_str)))
    }
}

/// Leave to list what stands below a path.
pub(crate) fn listing<O: Operation>(
    action: &'static str,
    kind: &'static str,
    prefix: fn(&O::Input) -> Option<&str>,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| {
        let path = prefix(request.input).unwrap_or("/");
        leave(request, action, entity_arn(request.account, kind, path, ""))
    }
}

/// Leave for what has no resource of its own.
pub(crate) fn account<O: Operation>(
    action: &'static str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| leave(request, action, "*")
}

pub(crate) fn create_user(_: &Iam, request: &AccessRequest<'_, api::CreateUserRequest>) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "user", path, &input.user_name);
    let access = requested(leave(request, "iam:CreateUser", arn.as_str())?, input.tags.as_ref());
    let access = bounded(access, input.permissions_boundary.as_deref());
    Ok(access.and_tags("iam:TagUser", arn, pairs(input.tags.as_ref())))
}

pub(crate) fn create_role(_: &Iam, request: &AccessRequest<'_, api::CreateRoleRequest>) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "role", path, &input.role_name);
    let access = requested(leave(request, "iam:CreateRole", arn.as_str())?, input.tags.as_ref());
    let access = bounded(access, input.permissions_boundary.as_deref());
    Ok(access.and_tags("iam:TagRole", arn, pairs(input.tags.as_ref())))
}

pub(crate) fn create_group(_: &Iam, request: &AccessRequest<'_, api::CreateGroupRequest>) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    leave(request, "iam:CreateGroup", entity_arn(request.account, "group", path, &input.group_name))
}

pub(crate) fn create_policy(_: &Iam, request: &AccessRequest<'_, api::CreatePolicyRequest>) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "policy", path, &input.policy_name);
    creation(request, "iam:CreatePolicy", "iam:TagPolicy", &arn, input.tags.as_ref())
}

fn bounded(access: Access, arn: Option<&str>) -> Access {
    match arn {
        Some(arn) => access.when("iam:PermissionsBoundary", [arn]),
        None => access,
    }
}

/// The boundary that is about to be set stands in the place of the present one.
pub(crate) fn put_user_boundary(
    _: &Iam,
    request: &AccessRequest<'_, api::PutUserPermissionsBoundaryRequest>,
) -> Outcome {
    let input = request.input;
    let found = entity::find::<UserRecord>(request.records, request.account, &input.user_name)?;
    let path = found.as_ref().map_or("/", |user| user.path());
    let arn = entity_arn(request.account, "user", path, &input.user_name);
    let told = format!("user {}", input.user_name);
    let access = leave(request, "iam:PutUserPermissionsBoundary", arn)?.told_as(told);
    let tags = found.as_ref().map(|user| user.tags.as_slice()).unwrap_or_default();
    Ok(bounded(tagged(access, tags), Some(&input.permissions_boundary)))
}

/// The same for a role.
pub(crate) fn put_role_boundary(
    _: &Iam,
    request: &AccessRequest<'_, api::PutRolePermissionsBoundaryRequest>,
) -> Outcome {
    let input = request.input;
    let found = entity::find::<RoleRecord>(request.records, request.account, &input.role_name)?;
    let path = found.as_ref().map_or("/", |role| role.path());
    let arn = entity_arn(request.account, "role", path, &input.role_name);
    let told = format!("role {}", input.role_name);
    let access = leave(request, "iam:PutRolePermissionsBoundary", arn)?.told_as(told);
    let tags = found.as_ref().map(|role| role.tags.as_slice()).unwrap_or_default();
    Ok(bounded(tagged(access, tags), Some(&input.permissions_boundary)))
}

/// A renamed or moved user is asked for under the old ARN and under the new one.
pub(crate) fn update_user(_: &Iam, request: &AccessRequest<'_, api::UpdateUserRequest>) -> Outcome {
    let input = request.input;
    let old = on_user(request, "iam:UpdateUser", &input.user_name)?;
    let found = entity::find::<UserRecord>(request.records, request.account, &input.user_name)?;
    let path = found.as_ref().map_or("/", |user| user.path());
    let path = input.new_path.as_deref().unwrap_or(path);
    let name = input.new_user_name.as_deref().unwrap_or(&input.user_name);
    let new = leave(request, "iam:UpdateUser", entity_arn(request.account, "user", path, name))?;
    Ok(old.and(new.told_as(format!("user {name}"))))
}

/// The same for a group.
pub(crate) fn update_group(_: &Iam, request: &AccessRequest<'_, api::UpdateGroupRequest>) -> Outcome {
    let input = request.input;
    let old = on_group(request, "iam:UpdateGroup", &input.group_name)?;
    let found = entity::find::<GroupRecord>(request.records, request.account, &input.group_name)?;
    let path = found.as_ref().map_or("/", |group| group.path());
    let path = input.new_path.as_deref().unwrap_or(path);
    let name = input.new_group_name.as_deref().unwrap_or(&input.group_name);
    let new = leave(request, "iam:UpdateGroup", entity_arn(request.account, "group", path, name))?;
    Ok(old.and(new.told_as(format!("group {name}"))))
}

/// The use of a key is the business of whoever may see its owner.
pub(crate) fn key_last_used(
    _: &Iam,
    request: &AccessRequest<'_, api::GetAccessKeyLastUsedRequest>,
) -> Outcome {
    const ACTION: &str = "iam:GetAccessKeyLastUsed";
    let key = keys::access_key(&request.input.access_key_id);
    let record: Option<AccessKeyRecord> = request.records.record(keys::ACCESS_KEYS, &key)?;
    match record.as_ref().filter(|record| record.account == request.account).map(|record| &record.owner) {
        Some(KeyOwner::User { name, .. }) => on_user(request, ACTION, name),
        Some(KeyOwner::Root) => leave(request, ACTION, root_arn(request.account)),
        None => leave(request, ACTION, "*"),
    }
}
