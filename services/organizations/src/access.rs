//! The leave that each operation needs: its IAM action, its target, its condition keys.
//!
//! Decides nothing; whether something exists is seen here for its tags and its type, and told only by the handlers. That
//! only the management account changes an organization is theirs to say, too.

mod observe;

use identity::records::Tag;
use identity::records::organization::ControlKind;
use service::{Access, AccessRequest};

use crate::model::{Arns, Target};
use crate::tree::{self, Node};
use crate::{Error, Organizations, api};

type Outcome = Result<Access, Error>;

/// Operations on the organization as a whole.
macro_rules! general {
    ($($name:ident($input:ty) = $action:literal;)*) => {$(
        #[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
        pub(crate) fn $name(_: &Organizations, _: &AccessRequest<'_, $input>) -> Outcome {
            Ok(Access::to($action, "*"))
        }
    )*};
}

/// Operations on the root, unit, account or policy that a member of the input names.
macro_rules! targeted {
    ($($name:ident($input:ident) = $action:literal on $member:ident;)*) => {$(
        pub(crate) fn $name(_: &Organizations, request: &AccessRequest<'_, api::$input>) -> Outcome {
            on(request, $action, &request.input.$member)
        }
    )*};
}

general! {
    create_organization(api::CreateOrganizationRequest) = "organizations:CreateOrganization";
    describe_organization(()) = "organizations:DescribeOrganization";
    delete_organization(()) = "organizations:DeleteOrganization";
    leave_organization(()) = "organizations:LeaveOrganization";
    list_roots(api::ListRootsRequest) = "organizations:ListRoots";
    list_accounts(api::ListAccountsRequest) = "organizations:ListAccounts";
    describe_creation(api::DescribeCreateAccountStatusRequest) = "organizations:DescribeCreateAccountStatus";
    list_creations(api::ListCreateAccountStatusRequest) = "organizations:ListCreateAccountStatus";
    list_services(api::ListAWSServiceAccessForOrganizationRequest) =
        "organizations:ListAWSServiceAccessForOrganization";
}

targeted! {
    describe_unit(DescribeOrganizationalUnitRequest) = "organizations:DescribeOrganizationalUnit" on organizational_unit_id;
    update_unit(UpdateOrganizationalUnitRequest) = "organizations:UpdateOrganizationalUnit" on organizational_unit_id;
    delete_unit(DeleteOrganizationalUnitRequest) = "organizations:DeleteOrganizationalUnit" on organizational_unit_id;
    list_units(ListOrganizationalUnitsForParentRequest) = "organizations:ListOrganizationalUnitsForParent" on parent_id;
    list_children(ListChildrenRequest) = "organizations:ListChildren" on parent_id;
    list_parents(ListParentsRequest) = "organizations:ListParents" on child_id;
    describe_account(DescribeAccountRequest) = "organizations:DescribeAccount" on account_id;
    list_accounts_below(ListAccountsForParentRequest) = "organizations:ListAccountsForParent" on parent_id;
    close_account(CloseAccountRequest) = "organizations:CloseAccount" on account_id;
    remove_account(RemoveAccountFromOrganizationRequest) = "organizations:RemoveAccountFromOrganization" on account_id;
    describe_policy(DescribePolicyRequest) = "organizations:DescribePolicy" on policy_id;
    update_policy(UpdatePolicyRequest) = "organizations:UpdatePolicy" on policy_id;
    delete_policy(DeletePolicyRequest) = "organizations:DeletePolicy" on policy_id;
    list_targets(ListTargetsForPolicyRequest) = "organizations:ListTargetsForPolicy" on policy_id;
    list_tags(ListTagsForResourceRequest) = "organizations:ListTagsForResource" on resource_id;
    list_delegated_services(ListDelegatedServicesForAccountRequest) =
        "organizations:ListDelegatedServicesForAccount" on account_id;
}

const POLICY_TYPE: &str = "organizations:PolicyType";

/// What is known of a target: its ARN in the caller's organization, its tags, a policy's type.
#[derive(Default)]
struct Known {
    arn: Option<String>,
    tags: Vec<Tag>,
    kind: Option<ControlKind>,
}

impl Known {
    fn of<I>(request: &AccessRequest<'_, I>, id: &str) -> Result<Self, Error> {
        let store = request.records;
        let Ok((organization, _)) = tree::seat(store, request.account) else { return Ok(Self::default()) };
        let arns = Arns(&organization);
        Ok(match Target::of(id) {
            Some(Target::Policy) => {
                let policy = tree::policy(store, &organization.id, id)?;
                let kind = policy.as_ref().map(|policy| policy.kind);
                let arn = arns.policy(kind.unwrap_or(ControlKind::Service), id);
                Self { arn: Some(arn), kind, tags: policy.map(|policy| policy.tags).unwrap_or_default() }
            }
            target => {
                let arn = match target {
                    Some(Target::Account(account)) => arns.account(account),
                    _ => arns.unit(id),
                };
                let node = Node::find(store, &organization.id, id)?;
                let tags = node.map(|mut node| std::mem::take(node.tags())).unwrap_or_default();
                Self { arn: Some(arn), tags, kind: None }
            }
        })
    }
}

fn on<I>(request: &AccessRequest<'_, I>, action: &'static str, id: &str) -> Outcome {
    let known = Known::of(request, id)?;
    let arn = known.arn.unwrap_or_else(|| format!("arn:aws:organizations::{}:{id}", request.account));
    // SECURITY: the ARN names the organization; a refusal repeats what the caller said.
    let mut access = Access::to(action, arn).told_as(id);
    if let Some(kind) = known.kind {
        access = access.when(POLICY_TYPE, [kind.name()]);
    }
    Ok(access.resource_tags(known.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

fn requested(access: Access, tags: Option<&Vec<api::Tag>>) -> Access {
    access.request_tags(tags.into_iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// The same for what is made with tags, which needs leave to tag it as well: it has no id yet, so policies are asked about any.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_organizations.html>
// SECURITY: the ARN names the organization, which a refusal does not tell.
fn made<I>(
    request: &AccessRequest<'_, I>,
    access: Access,
    (kind, id): (&str, &str),
    tags: Option<&Vec<api::Tag>>,
) -> Access {
    let access = requested(access, tags);
    if tags.is_none_or(Vec::is_empty) {
        return access;
    }
    access.and(requested(new(request, "organizations:TagResource", (kind, id)), tags))
}

/// Leave on what has no id yet.
fn new<I>(request: &AccessRequest<'_, I>, action: &'static str, (kind, id): (&str, &str)) -> Access {
    let arn = match tree::seat(request.records, request.account) {
        Ok((organization, _)) => Arns(&organization).part(kind, id),
        Err(_) => format!("arn:aws:organizations::{}:{kind}{id}", request.account),
    };
    Access::to(action, arn).told_as("*")
}

pub(crate) fn create_account(
    _: &Organizations,
    request: &AccessRequest<'_, api::CreateAccountRequest>,
) -> Outcome {
    let access = Access::to("organizations:CreateAccount", "*");
    let tags = request.input.tags.as_ref();
    let keys = tags.into_iter().flatten().map(|tag| tag.key.as_str());
    let access = made(request, access, ("account", "/*"), tags);
    observe::with_mode(request, access, None, keys)
}

pub(crate) fn create_unit(
    _: &Organizations,
    request: &AccessRequest<'_, api::CreateOrganizationalUnitRequest>,
) -> Outcome {
    let access = on(request, "organizations:CreateOrganizationalUnit", &request.input.parent_id)?;
    Ok(made(request, access, ("ou", "/ou-*"), request.input.tags.as_ref()))
}

pub(crate) fn move_account(
    _: &Organizations,
    request: &AccessRequest<'_, api::MoveAccountRequest>,
) -> Outcome {
    let leave = |id: &str| on(request, "organizations:MoveAccount", id);
    let input = request.input;
    Ok(leave(&input.account_id)?
        .and(leave(&input.source_parent_id)?)
        .and(leave(&input.destination_parent_id)?))
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
pub(crate) fn create_policy(
    _: &Organizations,
    request: &AccessRequest<'_, api::CreatePolicyRequest>,
) -> Outcome {
    let kind = request.input.r#type.as_str();
    let access = Access::to("organizations:CreatePolicy", "*").when(POLICY_TYPE, [kind]);
    let id = format!("/{}/p-*", kind.to_ascii_lowercase());
    let tags = request.input.tags.as_ref();
    let access = made(request, access, ("policy", &id), tags);
    Ok(if tags.is_none_or(Vec::is_empty) { access } else { access.when(POLICY_TYPE, [kind]) })
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
pub(crate) fn list_policies(
    _: &Organizations,
    request: &AccessRequest<'_, api::ListPoliciesRequest>,
) -> Outcome {
    Ok(Access::to("organizations:ListPolicies", "*").when(POLICY_TYPE, [request.input.filter.as_str()]))
}

pub(crate) fn list_policies_for(
    _: &Organizations,
    request: &AccessRequest<'_, api::ListPoliciesForTargetRequest>,
) -> Outcome {
    let access = on(request, "organizations:ListPoliciesForTarget", &request.input.target_id)?;
    Ok(access.when(POLICY_TYPE, [request.input.filter.as_str()]))
}

/// Leave on the policy and on the target: either may be what a statement names.
fn attachment<I>(
    _: &Organizations,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    policy: &str,
    target: &str,
) -> Outcome {
    let mut second = on(request, action, target)?;
    if let Some(kind) = Known::of(request, policy)?.kind {
        second = second.when(POLICY_TYPE, [kind.name()]);
    }
    Ok(on(request, action, policy)?.and(second))
}

pub(crate) fn attach_policy(
    org: &Organizations,
    request: &AccessRequest<'_, api::AttachPolicyRequest>,
) -> Outcome {
    let input = request.input;
    attachment(org, request, "organizations:AttachPolicy", &input.policy_id, &input.target_id)
}

pub(crate) fn detach_policy(
    org: &Organizations,
    request: &AccessRequest<'_, api::DetachPolicyRequest>,
) -> Outcome {
    let input = request.input;
    attachment(org, request, "organizations:DetachPolicy", &input.policy_id, &input.target_id)
}

pub(crate) fn enable_type(
    _: &Organizations,
    request: &AccessRequest<'_, api::EnablePolicyTypeRequest>,
) -> Outcome {
    let access = on(request, "organizations:EnablePolicyType", &request.input.root_id)?;
    Ok(access.when(POLICY_TYPE, [request.input.policy_type.as_str()]))
}

pub(crate) fn disable_type(
    _: &Organizations,
    request: &AccessRequest<'_, api::DisablePolicyTypeRequest>,
) -> Outcome {
    let access = on(request, "organizations:DisablePolicyType", &request.input.root_id)?;
    Ok(access.when(POLICY_TYPE, [request.input.policy_type.as_str()]))
}

pub(crate) fn tag_resource(
    _: &Organizations,
    request: &AccessRequest<'_, api::TagResourceRequest>,
) -> Outcome {
    let id = &request.input.resource_id;
    let access = on(request, "organizations:TagResource", id)?;
    let access = requested(access, Some(&request.input.tags));
    observe::with_mode(request, access, Some(id), request.input.tags.iter().map(|tag| tag.key.as_str()))
}

pub(crate) fn untag_resource(
    _: &Organizations,
    request: &AccessRequest<'_, api::UntagResourceRequest>,
) -> Outcome {
    let id = &request.input.resource_id;
    let keys = || request.input.tag_keys.iter().map(String::as_str);
    let access = on(request, "organizations:UntagResource", id)?.when("aws:TagKeys", keys());
    observe::with_mode(request, access, Some(id), keys())
}

const SERVICE: &str = "organizations:ServicePrincipal";

#[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
pub(crate) fn enable_service(
    _: &Organizations,
    request: &AccessRequest<'_, api::EnableAWSServiceAccessRequest>,
) -> Outcome {
    Ok(Access::to("organizations:EnableAWSServiceAccess", "*")
        .when(SERVICE, [request.input.service_principal.as_str()]))
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
pub(crate) fn disable_service(
    _: &Organizations,
    request: &AccessRequest<'_, api::DisableAWSServiceAccessRequest>,
) -> Outcome {
    Ok(Access::to("organizations:DisableAWSServiceAccess", "*")
        .when(SERVICE, [request.input.service_principal.as_str()]))
}

pub(crate) fn register(
    _: &Organizations,
    request: &AccessRequest<'_, api::RegisterDelegatedAdministratorRequest>,
) -> Outcome {
    let access = on(request, "organizations:RegisterDelegatedAdministrator", &request.input.account_id)?;
    Ok(access.when(SERVICE, [request.input.service_principal.as_str()]))
}

pub(crate) fn deregister(
    _: &Organizations,
    request: &AccessRequest<'_, api::DeregisterDelegatedAdministratorRequest>,
) -> Outcome {
    let access = on(request, "organizations:DeregisterDelegatedAdministrator", &request.input.account_id)?;
    Ok(access.when(SERVICE, [request.input.service_principal.as_str()]))
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]
pub(crate) fn list_administrators(
    _: &Organizations,
    request: &AccessRequest<'_, api::ListDelegatedAdministratorsRequest>,
) -> Outcome {
    let access = Access::to("organizations:ListDelegatedAdministrators", "*");
    Ok(match &request.input.service_principal {
        Some(service) => access.when(SERVICE, [service.as_str()]),
        None => access,
    })
}
