//! Observe mode of whole accounts: the reserved tag that puts all roles of one into it takes leave of its own.
//!
//! What the mode does is the pipeline's; here is only who may set it. A role never sets it on its own account.

use identity::{OBSERVE_TAG, Principal};
use service::{Access, AccessRequest};

use super::{Outcome, new, on};
use crate::Error;
use crate::model::Target;

/// Not an action of AWS's: `organizations:*` does not hold it.
const ACTION: &str = "fastness:SetObserveMode";

/// Asks for the further leave where these keys of tags touch the mode of an account: the one of this id, or a new one. Nothing
/// else is put in observe mode by its tags.
// SECURITY: whoever may tag accounts may not thereby let their roles through what they lack; and whatever its policies say,
// a role does not do it for itself.
pub(super) fn with_mode<'k, I>(
    request: &AccessRequest<'_, I>,
    access: Access,
    id: Option<&str>,
    mut keys: impl Iterator<Item = &'k str>,
) -> Outcome {
    if !keys.any(|key| key.eq_ignore_ascii_case(OBSERVE_TAG)) {
        return Ok(access);
    }
    let Some(id) = id else {
        let more = new(request, ACTION, ("account", "/*")).request_tags_of(&access);
        return Ok(access.and(more));
    };
    let Some(Target::Account(account)) = Target::of(id) else { return Ok(access) };
    if matches!(request.principal, Principal::AssumedRole(role) if role.account == account) {
        let message = "A role cannot set observe mode on its own account.";
        return Err(Error::AccessDenied(message.to_owned()));
    }
    let more = on(request, ACTION, id)?.request_tags_of(&access);
    Ok(access.and(more))
}
