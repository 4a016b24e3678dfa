//! Observe mode: the reserved tag that puts a role into it takes leave of its own.
//!
//! What the mode does is the pipeline's; here is only who may set it. A role never sets it on itself.

use identity::principal::entity_arn;
use identity::{OBSERVE_TAG, Principal};
use protocol::Operation;
use service::{Access, AccessRequest, error::Fault};

use crate::{Error, Iam, api};

/// Not an action of AWS's: `iam:*` does not hold it.
const ACTION: &str = "fastness:SetObserveMode";

type Outcome = Result<Access, Error>;

/// The role whose mode is touched, and its path where the request names one.
pub(crate) struct Touched<'i> {
    name: &'i str,
    path: Option<&'i str>,
}

pub(crate) fn by_creation(input: &api::CreateRoleRequest) -> Option<Touched<'_>> {
    let mut tags = input.tags.iter().flatten();
    tags.any(|tag| is_reserved(&tag.key))
        .then_some(Touched { name: &input.role_name, path: Some(input.path.as_deref().unwrap_or("/")) })
}

pub(crate) fn by_tagging(input: &api::TagRoleRequest) -> Option<Touched<'_>> {
    let reserved = input.tags.iter().any(|tag| is_reserved(&tag.key));
    reserved.then_some(Touched { name: &input.role_name, path: None })
}

pub(crate) fn by_untagging(input: &api::UntagRoleRequest) -> Option<Touched<'_>> {
    let reserved = input.tag_keys.iter().any(|key| is_reserved(key));
    reserved.then_some(Touched { name: &input.role_name, path: None })
}

fn is_reserved(key: &str) -> bool {
    key.eq_ignore_ascii_case(OBSERVE_TAG)
}

/// Asks for the further leave where the request touches the mode.
// SECURITY: whoever may tag roles may not thereby let them through what they lack; and whatever its policies say, a role
// does not do it for itself.
pub(crate) fn guarded<O: Operation>(
    access: impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static,
    touched: fn(&O::Input) -> Option<Touched<'_>>,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |iam, request| {
        let access = access(iam, request)?;
        let Some(Touched { name, path }) = touched(request.input) else { return Ok(access) };
        if let Principal::AssumedRole(role) = request.principal
            && role.account == request.account
            && role.role_name.eq_ignore_ascii_case(name)
        {
            let message = "A role cannot set observe mode on itself.";
            return Err(Fault::sender("AccessDenied", message).with_status(403).into());
        }
        let more = match path {
            Some(path) => {
                let arn = entity_arn(request.account, "role", path, name);
                Access::to(ACTION, arn).told_as(format!("role {name}"))
            }
            None => crate::access::on_role(request, ACTION, name)?,
        };
        let more = more.request_tags_of(&access);
        Ok(access.and(more))
    }
}
