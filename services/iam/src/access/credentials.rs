//! Leave for what users prove themselves with, and for what wraps roles.
//!
//! Like its parent, it names and never decides.

use identity::principal::entity_arn;
use identity::records::MfaDeviceRecord;
use protocol::Operation;
use service::AccessRequest;

use super::{Outcome, creation, leave, on_role, tagged, user_or_caller};
use crate::records::{InstanceProfileRecord, Tagged};
use crate::{Iam, api};

/// Leave on the second factor that a request names.
pub(crate) fn device<O: Operation>(
    action: &'static str,
    serial: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| {
        let serial = serial(request.input);
        let found = MfaDeviceRecord::load(request.records, request.account, serial).ok();
        let tags = found.map(|mut device| std::mem::take(device.tags())).unwrap_or_default();
        Ok(tagged(leave(request, action, serial)?, &tags))
    }
}

/// Leave on the user whose credentials are listed; on everyone's where all are.
pub(crate) fn service_credentials(
    iam: &Iam,
    request: &AccessRequest<'_, api::ListServiceSpecificCredentialsRequest>,
) -> Outcome {
    const ACTION: &str = "iam:ListServiceSpecificCredentials";
    if request.input.all_users == Some(true) {
        return leave(request, ACTION, "*");
    }
    let of_one = user_or_caller::<api::ListServiceSpecificCredentials>(ACTION, |i| i.user_name.as_deref());
    of_one(iam, request)
}

pub(crate) fn create_device(
    _: &Iam,
    request: &AccessRequest<'_, api::CreateVirtualMFADeviceRequest>,
) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "mfa", path, &input.virtual_mfa_device_name);
    creation(request, "iam:CreateVirtualMFADevice", "iam:TagMFADevice", &arn, input.tags.as_ref())
}

fn on_profile<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let found = InstanceProfileRecord::load(request.records, request.account, name).ok();
    let path = found.as_ref().map_or("/", |profile| profile.path.as_str());
    let arn = entity_arn(request.account, "instance-profile", path, name);
    let access = leave(request, action, arn)?.told_as(format!("instance profile {name}"));
    Ok(tagged(access, found.as_ref().map(|profile| profile.tags.as_slice()).unwrap_or_default()))
}

/// Leave on the instance profile that a request names.
pub(crate) fn profile<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| on_profile(request, action, name(request.input))
}

pub(crate) fn create_profile(
    _: &Iam,
    request: &AccessRequest<'_, api::CreateInstanceProfileRequest>,
) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "instance-profile", path, &input.instance_profile_name);
    creation(request, "iam:CreateInstanceProfile", "iam:TagInstanceProfile", &arn, input.tags.as_ref())
}

/// Whoever wraps a role hands it to machines: that needs leave to pass it as well.
pub(crate) fn add_role_to_profile(
    _: &Iam,
    request: &AccessRequest<'_, api::AddRoleToInstanceProfileRequest>,
) -> Outcome {
    let input = request.input;
    let own = on_profile(request, "iam:AddRoleToInstanceProfile", &input.instance_profile_name)?;
    let pass = on_role(request, "iam:PassRole", &input.role_name)?
        .when("iam:PassedToService", ["ec2.amazonaws.com"]);
    Ok(own.and(pass))
}

/// Leave on the user, group or role that a simulation is about.
pub(crate) fn simulated<O: Operation>(
    action: &'static str,
    arn: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| leave(request, action, arn(request.input))
}
