//! The leave that each operation needs: its action, on no resource, because none is looked at.
#![allow(
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape of every access function"
)]

use service::{Access, AccessRequest};

use crate::Error;
use crate::api::{
    CheckAccessNotGrantedRequest, CheckNoNewAccessRequest, CheckNoPublicAccessRequest, ValidatePolicyRequest,
};

type Outcome = Result<Access, Error>;

pub(crate) fn validate(_: &(), _: &AccessRequest<'_, ValidatePolicyRequest>) -> Outcome {
    Ok(Access::to("access-analyzer:ValidatePolicy", "*"))
}

pub(crate) fn no_new_access(_: &(), _: &AccessRequest<'_, CheckNoNewAccessRequest>) -> Outcome {
    Ok(Access::to("access-analyzer:CheckNoNewAccess", "*"))
}

pub(crate) fn not_granted(_: &(), _: &AccessRequest<'_, CheckAccessNotGrantedRequest>) -> Outcome {
    Ok(Access::to("access-analyzer:CheckAccessNotGranted", "*"))
}

pub(crate) fn no_public_access(_: &(), _: &AccessRequest<'_, CheckNoPublicAccessRequest>) -> Outcome {
    Ok(Access::to("access-analyzer:CheckNoPublicAccess", "*"))
}
